import Catalog
import Glibc
import Healing
package import Model
package import Seal
import Synchronization

/// The catalog that plans and looks are held against: verified here, by keys that only root can change, and kept over restarts.
///
/// The version only grows, so a signed pack of last year cannot bring back a runbook that was withdrawn.
package final class CatalogKeeper: Sendable {
    private let keys: [VerifyingKey]
    private let path: String
    private let current: Mutex<CompiledCatalog?>

    /// - Parameter path: where the newest pack is kept; one that does not verify any more counts as none.
    package init(keys: [VerifyingKey], path: String) {
        self.keys = keys
        self.path = path
        var kept: CompiledCatalog?
        if let bytes = try? PrivateFile.read(path, size: 1...HandsProtocol.frameBytesMax) {
            kept = try? CatalogPack.open(bytes, keys: keys, schema: .code())
        }
        current = Mutex(kept)
    }

    package var digest: Digest? { current.withLock { $0?.digest } }

    func catalog(_ digest: Digest) throws(HandsRefusal) -> CompiledCatalog {
        guard let catalog = current.withLock({ $0 }) else { throw .catalogMissing }
        guard catalog.digest == digest else { throw .catalogDiffers(here: catalog.digest) }
        return catalog
    }

    /// Takes a newer pack, or the same one again; on return it is on disk.
    package func take(_ envelope: [UInt8]) throws(HandsRefusal) {
        let catalog: CompiledCatalog
        do throws(CatalogPackError) {
            catalog = try CatalogPack.open(envelope, keys: keys, schema: .code())
        } catch {
            throw .catalogRefused(error.code)
        }
        if let held = current.withLock({ $0 }) {
            if held.digest == catalog.digest { return }
            guard catalog.version > held.version else { throw .catalogRefused("catalog.not_newer") }
        }
        do throws(PrivateFileError) { try PrivateFile.replace(path, envelope) } catch { throw .catalogRefused(error.code) }
        current.withLock { $0 = catalog }
    }
}
