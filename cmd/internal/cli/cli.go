// Package cli adds to the command lines of the project's programs what all of them offer: a version, completion in the
// shell, and a manual page. All three come from the kong model of a program, so that they cannot differ from what it
// accepts.
//
// It is separate so that ctr and ctrd offer these in the same way.
package cli

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Program describes a program beyond its kong model.
type Program struct {
	Name     string
	Section  int       // of the manual: 1 for users, 8 for operators
	Version  string    // as Version returns it
	Exit     []Entry   // the exit codes and their meanings
	Sections []Section // more sections of the manual page
}

// Section is a section of a manual page. Text has paragraphs separated by empty lines; Entries follow it.
type Section struct {
	Title   string
	Text    string
	Entries []Entry
}

// Entry is a name and its explanation.
type Entry struct {
	Name string
	Text string
}

// versionFlag must be the only argument. It is no flag of the grammar, because commands of ctr have a flag of that
// name.
const versionFlag = "--version"

// Answer prints the answer to an invocation that the grammar does not know, and returns true: --version, and the
// request of a completion script. Call it before parsing.
func (p Program) Answer(w io.Writer, model *kong.Application, args []string) bool {
	switch {
	case len(args) == 1 && args[0] == versionFlag:
		_, _ = fmt.Fprintln(w, p.Name, p.Version)
		return true
	case len(args) > 0 && args[0] == completionRequest:
		for _, line := range complete(model, args[1:]) {
			_, _ = fmt.Fprintln(w, line)
		}
		return true
	}
	return false
}

// Version returns the version of the running program: the one that the build set with -ldflags "-X main.version=…", or
// else the one that the Go toolchain recorded.
func Version(linked string) string {
	if linked != "" {
		return linked
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionFrom(info)
}

// versionFrom returns the module's version if the program was built as a dependency or with version control, and the
// revision otherwise.
func versionFrom(info *debug.BuildInfo) string {
	if version := info.Main.Version; version != "" && version != "(devel)" {
		return version
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	const revisionLength = 12
	revision := settings["vcs.revision"]
	if revision == "" {
		return "devel"
	}
	version := "devel-" + revision[:min(revisionLength, len(revision))]
	if settings["vcs.modified"] == "true" {
		version += "-modified"
	}
	return version
}
