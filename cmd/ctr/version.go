package main

import "github.com/openctr/ctr/cmd/internal/cli"

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version string

// describeProgram describes ctr for --version, completion and the manual page.
func describeProgram() cli.Program {
	return cli.Program{
		Name: "ctr", Section: 1, Version: cli.Version(version),
		Exit: []cli.Entry{
			{Name: "0", Text: "Success."},
			{Name: "1", Text: "The register refused the request; for conformance, a requirement is not met."},
			{Name: "2", Text: "A flag, a setting or a file is wrong."},
			{Name: "3", Text: "The service could not be reached."},
			{Name: "4", Text: "The service did not authenticate the caller."},
		},
		Sections: []cli.Section{
			{Title: "NUMBERS OF PERSONS", Text: cli.PersonNumberHelp},
			{Title: "SEE ALSO", Text: "ctrd(8), and the documents at https://github.com/openctr/ctr/tree/main/docs"},
		},
	}
}
