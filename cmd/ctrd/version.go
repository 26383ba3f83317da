package main

import "github.com/openctr/ctr/cmd/internal/cli"

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version string

// describeProgram describes ctrd for --version, completion and the manual page.
func describeProgram() cli.Program {
	return cli.Program{
		Name: "ctrd", Section: 8, Version: cli.Version(version),
		Exit: []cli.Entry{
			{Name: "0", Text: "Success, or the service was stopped by a signal."},
			{Name: "1", Text: "The command failed, or the service could not start."},
			{Name: "2", Text: "A flag or the configuration file is wrong."},
		},
		Sections: []cli.Section{
			{
				Title: "CONFIGURATION",
				Text: "serve and the admin commands take each flag from the command line, else from the environment, " +
					"else from the file of --config, a JSON object whose keys are the flags of serve without dashes in front. " +
					"An unknown key is an error.",
			},
			{
				Title: "ENVIRONMENT",
				Entries: []cli.Entry{
					{
						Name: "CTR_NAME",
						Text: "The flag --name, with upper case letters and underscores: CTR_PUBLIC_URL for --public-url.",
					},
					{Name: "HTTP_PROXY, HTTPS_PROXY, NO_PROXY", Text: "The proxy for requests to revocation services."},
					{Name: "PGPASSFILE", Text: "File with the password of the PostgreSQL database."},
				},
			},
			{Title: "NUMBERS OF PERSONS", Text: cli.PersonNumberHelp},
			{Title: "SEE ALSO", Text: "ctr(1), and the documents at https://github.com/openctr/ctr/tree/main/docs"},
		},
	}
}
