// Package devdata embeds the development data: small, invented but well-formed extracts of the authentic sources, in
// the format of the operator's imports. No person in it is real; every check digit is correct.
//
// It is a separate package so that only the commands that start a development service embed it.
package devdata

import "embed"

// Files contains one CSV file per kind of source, named after the kinds of `ctrd admin import`.
//
//go:embed *.csv
var Files embed.FS
