/// What all programs of one release say they are; `make release` reads it from here.
package let softwareVersion = "0.1.0"
