// Package certstestdata embeds the frozen keys and certificates of the tests: the development PKI, including the keys
// that a service must refuse, valid until 2120. They are worthless; see README.md. It is a package because go:embed
// cannot reach a directory above its own.
package certstestdata

//go:generate go run generate.go

import "embed"

// Files holds the .p12 files, the PEM files, the password and the index that lists them.
//
//go:embed *.p12 *.pem password.txt index.json
var Files embed.FS
