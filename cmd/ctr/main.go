// Command ctr calls a register as a hospital's software does: it signs with an eHealth certificate, sends, and shows
// the answer or the fault in plain words.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/cmd/internal/cli"
	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/sealing"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/texts"
)

// commandLine defines the flags and commands of ctr.
type commandLine struct {
	P12          string `name:"p12" help:"The .p12 file with the signing key. All commands except check, conformance, cert, evidence and card verify require it and the next two flags." type:"existingfile" placeholder:"FILE"`
	PasswordFile string `help:"File with the password of the .p12 file." type:"existingfile" placeholder:"FILE"`
	URL          string `name:"url" help:"Address of the service, ending in /ctr/v1." placeholder:"URL"`
	CA           string `name:"ca" help:"PEM file with the certificate authorities to trust for TLS. Default: those of the system." type:"existingfile" placeholder:"FILE"`
	Author       string `help:"SSIN of the person who acts, if the certificate is an organisation's. Replaces the author in a file." placeholder:"SSIN" type:"person"`
	JSON         bool   `name:"json" help:"Print the answer as JSON."`

	Notify       notifyCommand         `cmd:"" help:"Report an implantation from a file with a NotifyImplantRequest."`
	Explant      explantCommand        `cmd:"" help:"Report an explantation from a file with a NotifyExplantRequest."`
	Batch        batchCommand          `cmd:"" help:"Report the implantations of a CSV or JSON Lines file, continuing where an earlier run ended."`
	Search       searchCommand         `cmd:"" help:"Find notifications."`
	Notification notificationCommand   `cmd:"" help:"Show one notification in full, with its history."`
	Pending      pendingCommand        `cmd:"" help:"List pending notifications: drafts, and those that await their specialist."`
	Validate     validateCommand       `cmd:"" help:"Validate a notification that was prepared for you, which makes it final."`
	Revise       reviseCommand         `cmd:"" help:"Replace the content of a notification from a file with a ReviseNotificationRequest."`
	Discard      discardCommand        `cmd:"" help:"Discard a notification that is not final yet, or withdraw a final one."`
	Card         cardCommands          `cmd:"" help:"Download an implant card or a patient's cumulative card, or verify one."`
	Implants     implantsCommand       `cmd:"" help:"List the implants that a patient carries."`
	Devices      devicesCommand        `cmd:"" help:"Find devices on the list of notified implants."`
	Mandates     mandatesCommand       `cmd:"" help:"List the mandates that you granted or received."`
	Mandate      mandateCommand        `cmd:"" help:"Grant, accept, end or transfer a mandate."`
	Staff        staffCommand          `cmd:"" help:"As an access manager, list and change the roles in your organisation."`
	Check        checkCommand          `cmd:"" help:"Report everything in a signed message that the service would refuse. Needs no key. With --url, a service that is not in production does the check."`
	Conformance  conformanceCommand    `cmd:"" help:"Test the messages of a client, or a test server, requirement by requirement."`
	Cert         certCommand           `cmd:"" help:"Show the signing certificate and manage its .p12 file. Needs no service."`
	Seal         sealCommand           `cmd:"" help:"Seal a file for others as the eHealth platform does (ETEE): signed, encrypted, signed again. Needs --p12 and no service."`
	Unseal       unsealCommand         `cmd:"" help:"Open a sealed file and verify who sealed it. Needs --p12 or --kek, and no service."`
	Evidence     evidenceCommands      `cmd:"" help:"Verify evidence that an operator of a register exported. Needs no key and no service."`
	Completion   cli.CompletionCommand `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Man          cli.ManualCommand     `cmd:"" hidden:"" help:"Print the manual page."`
}

// The exit codes.
const (
	exitOK              = 0
	exitRefused         = 1
	exitUsage           = 2
	exitUnreachable     = 3
	exitUnauthenticated = 4
)

// exitError is the exit code of a command that has already printed what went wrong.
type exitError int

// Error implements error. The text is never shown to the user.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// notAuthenticatedCode is the platform's code for a caller who is not authenticated.
const notAuthenticatedCode = "SOA-01001"

const terminalLanguage = texts.English

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = terminal.NewWriter(stdout), terminal.NewWriter(stderr)
	var c commandLine
	exited := -1
	program := describeProgram()
	parser, err := kong.New(&c, languageVars(),
		kong.Name(program.Name),
		kong.Bind(program),
		cli.Numbers(),
		kong.Description("Calls a central tracing register for implants. --version prints the version."),
		kong.Writers(stdout, stderr),
		cli.PersonNumbers(os.Stdin),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		printError(stderr, err)
		return exitUsage
	}
	if program.Answer(stdout, parser.Model, args) {
		return exitOK
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		printError(stderr, err)
		return exitUsage
	}
	parsed.Bind(&c)
	call := func() (*serviceClient, error) { return c.newServiceClientWithWarning(ctx, stdout, stderr) }
	parsed.Bind(&commandContext{
		answerPrinter:    answerPrinter{stdout, c.JSON},
		ctx:              ctx,
		now:              time.Now,
		url:              c.URL,
		newHTTPClient:    c.newHTTPClient,
		newServiceClient: call,
	})
	if err = parsed.BindToProvider(call); err != nil {
		printError(stderr, err)
		return exitUsage
	}
	return reportError(stderr, parsed.Run())
}

// printError prints an error as one line.
func printError(stderr io.Writer, err error) {
	_ = terminal.Printf(stderr, "ctr: %s\n", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

// reportError prints an error and returns the exit code.
func reportError(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errWouldBeRefused) { // the check has printed the reasons
		return exitRefused
	}
	if exit, ok := errors.AsType[exitError](err); ok {
		return int(exit)
	}
	refusal, refused := errors.AsType[*soap.Refusal](err)
	switch {
	case !refused:
		printError(stderr, err)
		if _, ok := errors.AsType[sealing.RefusalError](err); ok {
			return exitRefused
		}
		if errors.Is(err, client.ErrUnreachable) || errors.Is(err, batch.ErrServiceFails) {
			return exitUnreachable
		}
		return exitUsage
	case refusal.Code == notAuthenticatedCode:
		_, _ = io.WriteString(stderr, "ctr: not authenticated\n"+describeRefusal(refusal))
		return exitUnauthenticated
	}
	_, _ = io.WriteString(stderr, "ctr: refused\n"+describeRefusal(refusal))
	return exitRefused
}

// describeRefusal formats a refusal for a terminal.
func describeRefusal(r *soap.Refusal) string {
	var b strings.Builder
	_ = terminal.Printf(&b, "  %s  %s\n", r.Code, r.Messages[terminalLanguage])
	for _, v := range r.Violations {
		if len(r.Violations) == 1 && v.Path == "" && v.Code == r.Code {
			continue
		}
		_ = terminal.Printf(&b, "  - %s", v.Code)
		if v.Path != "" {
			_ = terminal.Printf(&b, " at %s", v.Path)
		}
		if len(r.Violations) > 1 {
			_ = terminal.Printf(&b, "\n    %s", v.Messages[terminalLanguage])
		}
		b.WriteString("\n")
	}
	_ = terminal.Printf(&b, "  fault ID, for support requests: %s\n", r.ID)
	return b.String()
}
