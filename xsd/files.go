// Package xsd holds the schemas of the contract: the messages of the register (ctr-protocol, ctr-core) and the shared
// types of the eHealth platform that they use (commons version 2, errors version 1).
//
// It is a package only because an embedded file must be in or below the directory of the Go file that embeds it. The
// schemas use XML Schema 1.0, and only the part for which every toolkit generates code: no wildcard at the end of a
// request, no choice at its top, no pattern on a date, one global type per shape. They import each other by file name,
// so that the directory also works offline.
package xsd

import "embed"

// Files contains the schemas, by file name.
//
//go:embed *.xsd
var Files embed.FS

// Protocol is the file name of the main schema: it declares the messages and imports the schemas of their content.
const Protocol = "ctr-protocol-1_0.xsd"

// Errors is the file name of the schema of fault details, which no message imports.
const Errors = "ehealth-errors-soa-1_1.xsd"
