// Package xsd holds the schemas of the contract: the messages of the register (ctr-protocol, ctr-core) and the shared types of
// the eHealth platform they stand on (commons version 2, errors version 1).
//
// It is a package only because an embedded file must lie below the Go file that names it. The schemas keep to XML Schema 1.0
// and to the part of it that every toolkit generates code for: no wildcard at the end of a request, no choice at its top, no
// pattern on a date, one global type per shape. They import each other by file name, so that the folder also works offline.
package xsd

import "embed"

// Files are the schemas, by file name.
//
//go:embed *.xsd
var Files embed.FS

// Protocol is the name of the schema to start from: it declares the messages and imports the schemas of what they hold.
const Protocol = "ctr-protocol-1_0.xsd"

// Errors is the name of the schema of fault details, which no message imports.
const Errors = "ehealth-errors-soa-1_1.xsd"
