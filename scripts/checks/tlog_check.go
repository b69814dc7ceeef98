// Judges notes and proofs of our transparency log with golang.org/x/mod/sumdb/note and .../tlog.
//
//	tlog-check note VKEYS CHECKPOINT
//	tlog-check inclusion VKEYS CHECKPOINT INDEX ENTRY PROOF
//	tlog-check consistency VKEYS OLD_CHECKPOINT NEW_CHECKPOINT PROOF
//	tlog-check tiles SIZE ROOT DIRECTORY INDEX...
//
// All but INDEX, SIZE and ROOT (base 64) are files. VKEYS holds verifier keys, one a line; ENTRY the raw entry; PROOF one hash a
// line in base 64, in RFC 6962's order; DIRECTORY the tiles as the log serves them. Exit code 0 and "ok", or 1 and why not.
package main

import (
	"encoding/base64"
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

// checkpoint opens a note and takes its text apart.
func checkpoint(keys, path string) (int64, tlog.Hash) {
	var verifiers []note.Verifier
	for _, key := range strings.Fields(string(must(os.ReadFile(keys)))) {
		verifiers = append(verifiers, must(note.NewVerifier(key)))
	}
	opened := must(note.Open(must(os.ReadFile(path)), note.VerifierList(verifiers...)))
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		must(0, errors.New("no checkpoint: "+path))
	}
	fmt.Printf("%s: %s known and unknown signatures: %d, %d\n", filepath.Base(path), lines[0], len(opened.Sigs), len(opened.UnverifiedSigs))
	return number(lines[1]), hash(lines[2])
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
