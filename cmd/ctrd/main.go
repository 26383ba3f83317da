// Command ctrd runs the register's service and the operator's commands.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/cmd/internal/cli"
	"github.com/openctr/ctr/internal/terminal"
)

// commands is the root of the command line.
type commands struct {
	Config string `help:"Configuration file: a JSON object whose keys are the flags of serve." type:"path" placeholder:"FILE"`

	Serve      serveCommand          `cmd:"" help:"Run the SOAP service of the register."`
	Demo       demoCommand           `cmd:"" help:"Send one notification to a temporary service and save its implant card."`
	Admin      adminCommands         `cmd:"" help:"Operator's commands."`
	Testpki    testPKICommand        `cmd:"" help:"Create a test PKI: certificates and .p12 files that are not trusted outside tests."`
	Completion cli.CompletionCommand `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Man        cli.ManualCommand     `cmd:"" hidden:"" help:"Print the manual page."`
}

type adminCommands struct {
	Migrate    migrateCommand        `cmd:"" help:"Migrate the schema of the database, and give the role of the service its rights."`
	Backup     backupCommand         `cmd:"" help:"Copy the database while the service runs."`
	Restore    restoreCommand        `cmd:"" help:"Put a backup into an empty data directory or database."`
	Rehearse   rehearseCommand       `cmd:"" help:"Restore a backup elsewhere, verify all of it there, and remove it."`
	Import     importCommand         `cmd:"" help:"Import an extract of an authentic source; a dry run unless --commit."`
	Audit      auditCommands         `cmd:"" help:"Export and verify the audit log."`
	Verify     verifyRegisterCommand `cmd:"" help:"Verify the audit log, and every registered version against its signed message and the audit log."`
	Evidence   evidenceCommand       `cmd:"" help:"Write a file that proves, offline, who signed a notification and when the register accepted it."`
	Keys       keysCommands          `cmd:"" help:"Manage the keys that encrypt personal data."`
	Recall     recallCommands        `cmd:"" help:"Trace a recall, or mark a device recalled."`
	Statistics statisticsCommand     `cmd:"" help:"Count implantations, explantations and late notifications."`
}

// environment is the process environment of a command; tests replace it.
type environment struct {
	ctx    context.Context
	getenv func(string) string
	stdout io.Writer
	stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(environment{ctx: ctx, getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// run parses the arguments, runs the command and returns the exit code.
func run(e environment, args []string) int {
	e.stdout, e.stderr = terminal.NewWriter(e.stdout), terminal.NewWriter(e.stderr)
	var c commands
	resolver, err := readSettings(e.getenv, findConfigFile(args))
	if err != nil {
		return e.reportError(exitUsage, err)
	}
	exited := -1
	program := describeProgram()
	parser, err := kong.New(&c,
		kong.Name(program.Name),
		kong.Bind(program),
		cli.Numbers(),
		kong.Description("A central tracing register for implants. --version prints the version."),
		kong.Vars{"key_file": defaultKeyFile},
		kong.Writers(e.stdout, e.stderr),
		cli.PersonNumbers(os.Stdin),
		kong.Exit(func(code int) { exited = code }),
		kong.Resolvers(resolver),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return e.reportError(exitFailure, err)
	}
	if program.Answer(e.stdout, parser.Model, args) {
		return exitOK
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		return e.reportError(exitUsage, err)
	}
	if err := parsed.Run(e); err != nil && !errors.Is(err, context.Canceled) {
		return e.reportError(exitFailure, err)
	}
	return exitOK
}

// reportError writes the error as one line and returns the exit code.
func (e environment) reportError(code int, err error) int {
	text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	_ = terminal.Printf(e.stderr, "ctrd: %s\n", text)
	return code
}
