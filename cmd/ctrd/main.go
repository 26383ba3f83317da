// Command ctrd is the register's service, and its operator's tool.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "time/tzdata" // days begin in Brussels, also on a machine without zone files

	"github.com/alecthomas/kong"
)

// commands are what ctrd can do.
type commands struct {
	Config string `help:"Configuration file: a JSON object of the same keys as the flags of serve." type:"path" placeholder:"FILE"`

	Serve   serveCommand   `cmd:"" help:"Serve the register by SOAP."`
	Demo    demoCommand    `cmd:"" help:"Walk through the main job once, on loopback, and leave an implant card."`
	Admin   adminCommands  `cmd:"" help:"What an operator does to the register."`
	Testpki testpkiCommand `cmd:"" help:"Make a test PKI: certificates and .p12 files that prove nothing to anybody."`
}

type adminCommands struct {
	Import     importCommand     `cmd:"" help:"Bring in an extract of an authentic source; a dry run unless --commit."`
	Audit      auditCommands     `cmd:"" help:"What the audit trail holds, and whether it is whole."`
	Evidence   evidenceCommand   `cmd:"" help:"Write a file that proves offline who signed a notification, and when it was accepted."`
	Keys       keysCommands      `cmd:"" help:"The keys under which persons are kept."`
	Recall     recallCommands    `cmd:"" help:"Trace what is recalled, or mark a device recalled."`
	Statistics statisticsCommand `cmd:"" help:"Count implantations and explantations, and how late they were notified."`
}

// environment is what the process hands to a command; tests hand their own.
type environment struct {
	ctx    context.Context
	getenv func(string) string
	stdout io.Writer
	stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(environment{ctx: ctx, getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

// run is main as a function: it returns the exit code.
func run(e environment, args []string) int {
	var c commands
	given, err := readSettings(e.getenv, configFile(args))
	if err != nil {
		return e.fail(exitUsage, err)
	}
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("ctrd"),
		kong.Description("A central tracing register for implants."),
		kong.Writers(e.stdout, e.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.Resolvers(given),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return e.fail(exitFault, err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		return e.fail(exitUsage, err)
	}
	if err := parsed.Run(e); err != nil && !errors.Is(err, context.Canceled) {
		return e.fail(exitFault, err)
	}
	return exitOK
}

// fail says in one line what is wrong.
func (e environment) fail(code int, err error) int {
	text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	_, _ = fmt.Fprintln(e.stderr, "ctrd: "+text)
	return code
}
