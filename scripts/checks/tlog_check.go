// Judges notes and proofs of our transparency log with golang.org/x/mod/sumdb/note and .../tlog.
//
//	tlog-check note VKEYS CHECKPOINT
//	tlog-check inclusion VKEYS CHECKPOINT INDEX ENTRY PROOF
//	tlog-check proof VKEYS ENTRY TLOG_PROOF
//	tlog-check consistency VKEYS OLD_CHECKPOINT NEW_CHECKPOINT PROOF
//	tlog-check tiles SIZE ROOT DIRECTORY INDEX...
//
// All but INDEX, SIZE and ROOT (base 64) are files. VKEYS holds verifier keys, one a line, also those of witnesses; TLOG_PROOF is one
// of c2sp.org/tlog-proof; ENTRY the raw entry; PROOF one hash a
// line in base 64, in RFC 6962's order; DIRECTORY the tiles as the log serves them. Exit code 0 and "ok", or 1 and why not.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	return value
}

func number(text string) int64 { return must(strconv.ParseInt(text, 10, 64)) }

func hash(text string) tlog.Hash {
	var h tlog.Hash
	bytes := must(base64.StdEncoding.DecodeString(text))
	if copy(h[:], bytes) != len(h) || len(bytes) != len(h) {
		must(0, errors.New("not a hash: "+text))
	}
	return h
}

func hashes(path string) (list []tlog.Hash) {
	for _, text := range strings.Fields(string(must(os.ReadFile(path)))) {
		list = append(list, hash(text))
	}
	return list
}

// witness verifies cosignatures as c2sp.org/tlog-cosignature has them, which the note package does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	header := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(w.key, append([]byte(header), message...), signature[8:])
}

// verifier reads a key of a log (type 1) or of a witness (type 4).
func verifier(text string) note.Verifier {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		must(0, errors.New("not a verifier key: "+text))
	}
	data := must(base64.StdEncoding.DecodeString(parts[2]))
	if len(data) != 1+ed25519.PublicKeySize || data[0] != 4 {
		return must(note.NewVerifier(text))
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), data...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		must(0, errors.New("a key hash that is not its key's: "+text))
	}
	return witness{parts[0], binary.BigEndian.Uint32(sum[:4]), data[1:]}
}

// open opens a note and takes its text apart.
func open(keys, name string, bytes []byte) (int64, tlog.Hash) {
	var verifiers []note.Verifier
	for _, key := range strings.Fields(string(must(os.ReadFile(keys)))) {
		verifiers = append(verifiers, verifier(key))
	}
	opened := must(note.Open(bytes, note.VerifierList(verifiers...)))
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		must(0, errors.New("no checkpoint: "+name))
	}
	isOfLog := false
	for _, signature := range opened.Sigs {
		isOfLog = isOfLog || signature.Name == lines[0]
	}
	if !isOfLog {
		must(0, errors.New("not signed by "+lines[0]))
	}
	fmt.Printf("%s: %s known and unknown signatures: %d, %d\n", name, lines[0], len(opened.Sigs), len(opened.UnverifiedSigs))
	return number(lines[1]), hash(lines[2])
}

func checkpoint(keys, path string) (int64, tlog.Hash) {
	return open(keys, filepath.Base(path), must(os.ReadFile(path)))
}

// proof takes a tlog-proof apart and verifies it against its own checkpoint.
func proof(keys, entry, path string) {
	head, signed, found := bytes.Cut(must(os.ReadFile(path)), []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		must(0, errors.New("no tlog-proof: "+path))
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		must(base64.StdEncoding.DecodeString(lines[0][len("extra "):]))
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		must(0, errors.New("no index: "+path))
	}
	index := lines[0][len("index "):]
	if strconv.FormatInt(number(index), 10) != index {
		must(0, errors.New("not an index: "+index))
	}
	var hashes []tlog.Hash
	for _, line := range lines[1:] {
		hashes = append(hashes, hash(line))
	}
	size, root := open(keys, filepath.Base(path), signed)
	must(0, tlog.CheckRecord(hashes, size, root, number(index), tlog.RecordHash(must(os.ReadFile(entry)))))
}

// directory reads tiles as tlog-tiles lays them out: tlog.Tile.Path without the height.
type directory string

func (directory) Height() int                      { return 8 }
func (directory) SaveTiles([]tlog.Tile, [][]byte) {}
func (d directory) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(d), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 0 {
		must(0, errors.New("usage: see tlog_check.go"))
	}
	command, rest := arguments[0], arguments[1:]
	switch {
	case command == "note" && len(rest) == 2:
		checkpoint(rest[0], rest[1])
	case command == "inclusion" && len(rest) == 5:
		size, root := checkpoint(rest[0], rest[1])
		leaf := tlog.RecordHash(must(os.ReadFile(rest[3])))
		must(0, tlog.CheckRecord(hashes(rest[4]), size, root, number(rest[2]), leaf))
	case command == "proof" && len(rest) == 3:
		proof(rest[0], rest[1], rest[2])
	case command == "consistency" && len(rest) == 4:
		oldSize, oldRoot := checkpoint(rest[0], rest[1])
		size, root := checkpoint(rest[0], rest[2])
		must(0, tlog.CheckTree(hashes(rest[3]), size, root, oldSize, oldRoot))
	case command == "tiles" && len(rest) > 3:
		tree := tlog.Tree{N: number(rest[0]), Hash: hash(rest[1])}
		reader := tlog.TileHashReader(tree, directory(rest[2]))
		for _, text := range rest[3:] {
			// Each tile on the way is checked against the root; the proof is only made to read them.
			for _, h := range must(tlog.ProveRecord(tree.N, number(text), reader)) {
				fmt.Println(base64.StdEncoding.EncodeToString(h[:]))
			}
		}
	default:
		must(0, errors.New("usage: see tlog_check.go"))
	}
	fmt.Println("ok")
}
