// Package xsd holds the schemas of the contracts, in one folder for each: ctr has the messages of the register of
// implants (ctr-protocol, ctr-core), and ehealth the types of the eHealth platform that the contracts share (commons
// version 2, errors version 1). Contract returns the schemas of one contract with the shared ones.
//
// It is a package only because an embedded file must be in or below the directory of the Go file that embeds it. The
// schemas use XML Schema 1.0, and only the part for which every toolkit generates code: no wildcard at the end of a
// request, no choice at its top, no pattern on a date, one global type per shape. They import each other by file name,
// also across folders: Contract, the archive ?wsdl=zip and the URLs ?xsd=NAME show them side by side.
package xsd

import (
	"cmp"
	"embed"
	"errors"
	"io/fs"
	"path"
	"slices"
)

// Files contains the schemas in their folders.
//
//go:embed */*.xsd
var Files embed.FS

// Errors is the file name of the schema of fault details, which no message imports.
const Errors = "ehealth-errors-soa-1_1.xsd"

// Contract returns the schemas of a contract of this project, such as ctr, and those of the eHealth platform, side by
// side.
func Contract(folder string) fs.FS { return overlay{subfolder{folder}, subfolder{"ehealth"}} }

// WithEHealth returns the schemas of another contract and those of the eHealth platform, side by side.
func WithEHealth(own fs.FS) fs.FS { return overlay{own, subfolder{"ehealth"}} }

// subfolder shows a folder of Files.
type subfolder struct{ name string }

// Open implements fs.FS.
func (s subfolder) Open(name string) (fs.File, error) { return Files.Open(path.Join(s.name, name)) }

// overlay shows the files of several folders as one folder.
type overlay []fs.FS

// Open implements fs.FS. It opens the file in the first folder that has it.
func (o overlay) Open(name string) (fs.File, error) {
	err := error(&fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid})
	if !fs.ValidPath(name) {
		return nil, err
	}
	for _, folder := range o {
		var file fs.File
		if file, err = folder.Open(name); !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, err
}

// ReadDir implements fs.ReadDirFS.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	for _, folder := range o {
		entries, err := fs.ReadDir(folder, name)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, nil
}
