// Package devdata holds the development data: a small, invented but well-formed extract of the authentic sources, in the
// form in which the operator's imports take them. Nobody in it is real; every check digit is right.
//
// It is a package of its own so that only the commands which start a development service embed it.
package devdata

import "embed"

// Files are the extracts, one CSV file per kind of source, named as `ctrd admin import` names the kinds.
//
//go:embed *.csv
var Files embed.FS
