package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/terminal"
)

type batchCommand struct {
	File     string        `arg:"" optional:"" help:"CSV file, or JSON Lines if its name ends in .jsonl. Each row is one implant; rows with the same input_reference are one notification." type:"existingfile"`
	Watch    string        `help:"Instead of FILE: send each file that is put into DIR/inbox and move it to DIR/done or DIR/failed with its results, until stopped." type:"existingdir" placeholder:"DIR"`
	Settle   time.Duration `help:"With --watch: a file that is unchanged for this long counts as complete." default:"5s"`
	State    string        `help:"With --watch: private directory for the journals. Default: $STATE_DIRECTORY, which systemd sets, otherwise ctr in $XDG_STATE_HOME or ~/.local/state." env:"STATE_DIRECTORY" type:"path" placeholder:"DIR"`
	Save     string        `help:"State of the notifications: Draft, Submit (to their specialist) or Final. Default: Final." enum:"Draft,Submit,Final" default:"Final" placeholder:"STATE"`
	DryRun   bool          `help:"Check the file and send nothing. Needs no key and no service."`
	SkipBad  bool          `help:"Send the valid notifications even if other rows have errors. Without this flag, one error stops the whole file."`
	Again    bool          `help:"Also send the notifications that were refused in an earlier run."`
	Parallel int           `help:"Number of requests at a time, 1 to 64." default:"8"`
	Patience time.Duration `help:"How long to retry one notification while the service does not answer." default:"2m"`
	Results  string        `help:"File for the results, with a line for each row. Default: FILE.results.csv." placeholder:"FILE.csv"`
}

// Help returns the text that --help prints below the first line.
func (*batchCommand) Help() string {
	return `The whole file is checked before anything is sent. The result of each row is written to FILE.results.csv. ` +
		`Each answer is stored in FILE.journal (with --watch, in a file below --state) at once. However a run ends, the ` +
		`same command continues from there.

Exit codes: 0 everything is accepted; 1 something was refused, or left out by --skip-bad; 2 a flag or the file is ` +
		`wrong, another ctr is working on it, or something could not be written; 3 the service did not answer, or only ` +
		`with faults of its own, or the run was stopped: the same command continues; 4 not authenticated. With --watch: 0 ` +
		`stopped.

Columns and details: docs/batch.md.`
}

// Validate rejects flags that contradict each other, and limits the number of connections to what a service accepts
// from one caller.
func (b *batchCommand) Validate() error {
	switch {
	case b.File == "" && b.Watch == "":
		return errors.New("give a FILE, or --watch=DIR")
	case b.File != "" && b.Watch != "":
		return errors.New("give a FILE or --watch=DIR, not both")
	case b.Watch != "" && (b.DryRun || b.Again || b.Results != ""):
		return errors.New("--watch: omit --dry-run, --again and --results; to send refused notifications again, put their " +
			"file into the inbox again")
	case isSameFile(b.Results, b.File) || isSameFile(b.Results, b.File+".journal"):
		return errors.New("--results: that would overwrite the file itself, or its journal")
	case b.Parallel < 1 || b.Parallel > 64:
		return errors.New("--parallel: 1 to 64")
	case b.Patience < 0 || b.Settle < 0:
		return errors.New("--patience and --settle: 0s or longer")
	}
	return nil
}

// isSameFile reports whether two names refer to the same existing file.
func isSameFile(a, b string) bool {
	first, firstErr := os.Stat(a)
	second, err := os.Stat(b)
	return firstErr == nil && err == nil && os.SameFile(first, second)
}

// batchReport is the result of a batch. Its field names are the keys of the JSON output.
type batchReport struct {
	File            string
	Encoding        string   `json:",omitempty"`
	Separator       string   `json:",omitempty"`
	Rows            int      // non-empty
	Faults          []string `json:",omitempty"`
	Notifications   int      // without errors
	Results         string   `json:",omitempty"`
	EarlierAccepted int
	EarlierRefused  int
	Accepted        int
	Refused         int
	Unsent          int
}

// maxBrusselsOffset is the largest offset of Brussels from UTC. A date that is later here is in the future for
// certain; the register decides about the rest.
const maxBrusselsOffset = 2 * time.Hour

// readOptions returns the options for reading the file today.
func (b *batchCommand) readOptions(t *commandContext) batch.Options {
	return batch.Options{Save: b.Save, Today: ident.DateOf(t.now().UTC().Add(maxBrusselsOffset))}
}

// Run checks the whole file and sends what has no answer yet, or watches a folder.
func (b *batchCommand) Run(t *commandContext, k *kong.Context) error {
	ctx, stop := withStopSignals(t.ctx)
	defer stop()
	switch {
	case b.Watch != "":
		return b.watchFolder(ctx, t, k.Stderr)
	case b.DryRun:
		return b.checkFile(t)
	}
	c, err := t.newServiceClient()
	if err != nil {
		return err
	}
	journal, err := batch.OpenJournal(b.File + ".journal")
	if err != nil {
		return err
	}
	err = b.sendFile(ctx, t, c, journal)
	return errors.Join(err, journal.Close())
}

// withStopSignals returns a context that ends with the first signal to stop. A second signal ends the process at
// once, even while requests are in flight.
func withStopSignals(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	return ctx, stop
}

// checkFile reports the errors in the file and sends nothing.
func (b *batchCommand) checkFile(t *commandContext) error {
	file, err := batch.ReadFile(b.File, b.readOptions(t))
	if err != nil {
		return err
	}
	journal, err := batch.ReadJournal(b.File + ".journal")
	if err != nil {
		return err
	}
	pending, earlier := file.Pending(journal, b.Again)
	report := b.newReport(file, pending, earlier)
	report.printStart(t)
	return report.printEnd(t, b, nil)
}

// sendFile sends the pending notifications, unless errors prevent it, and writes the results.
func (b *batchCommand) sendFile(
	ctx context.Context, t *commandContext, c *serviceClient, journal *batch.Journal,
) error {
	file, err := batch.ReadFile(b.File, b.readOptions(t))
	if err != nil {
		return err
	}
	pending, earlier := file.Pending(journal, b.Again)
	r := b.newReport(file, pending, earlier)
	r.printStart(t)
	if journal.UnreadableLines > 0 && !t.json {
		_ = terminal.Printf(
			t.out, "%s.journal: %d unreadable line(s); their notifications are sent again\n", b.File, journal.UnreadableLines,
		)
	}
	if len(file.RowErrors) == 0 || b.SkipBad {
		err = b.sendPending(ctx, t, c, journal, r, pending)
	}
	if len(file.Rows) > 0 {
		r.Results = cmp.Or(b.Results, b.File+".results.csv")
		err = errors.Join(err, b.writeResults(r.Results, file.ResultsCSV(journal)))
	}
	return r.printEnd(t, b, err)
}

// writeResults writes the results file, for the owner, and for the group if that may read the input file.
func (b *batchCommand) writeResults(name string, results []byte) error {
	info, err := os.Stat(b.File)
	if err == nil {
		err = durable.Replace(name, results, batch.ResultsMode(info))
	}
	if err != nil {
		return fmt.Errorf("the results (the same command writes them again): %w", err)
	}
	return nil
}

// sendPending sends notifications and counts the answers in the report.
func (b *batchCommand) sendPending(
	ctx context.Context, t *commandContext, c *serviceClient, journal *batch.Journal, r *batchReport,
	pending []*batch.Notification,
) error {
	if len(pending) == 0 {
		return nil
	}
	progress := &progressLine{out: t.out, now: t.now, silent: t.json, interactive: isTerminal(t.out), startedAt: t.now()}
	sender := b.newSender(c)
	sender.Journal, sender.OnProgress, sender.OnRetry = journal, progress.showProgress, progress.showRetry
	sent, err := sender.Run(ctx, pending)
	progress.finishLine()
	r.Accepted, r.Refused = sent.Accepted, sent.Refused
	r.Unsent = sent.Total - sent.Accepted - sent.Refused
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = fmt.Errorf("%w: stopped; the same command goes on", client.ErrUnreachable)
	}
	return err
}

// newSender returns a sender configured by the flags.
func (b *batchCommand) newSender(c *serviceClient) batch.Sender {
	if transport, ok := c.client.HTTP.Transport.(*http.Transport); ok {
		transport.MaxIdleConnsPerHost = b.Parallel // the default of 2 would open a new connection for most requests
	}
	return batch.Sender{
		Send:     batch.SendTo(c.client, c.completeHeader, terminalLanguage),
		Parallel: b.Parallel,
		Patience: b.Patience,
		Sleep:    batch.Sleep,
	}
}

func (b *batchCommand) newReport(
	file *batch.File, pending []*batch.Notification, earlier batch.EarlierResults,
) *batchReport {
	r := &batchReport{
		File:            b.File,
		Encoding:        file.Encoding,
		Separator:       file.Separator,
		Rows:            len(file.Rows),
		Notifications:   len(file.Notifications),
		EarlierAccepted: earlier.Accepted,
		EarlierRefused:  earlier.Refused,
		Unsent:          len(pending),
	}
	for _, fault := range file.RowErrors {
		r.Faults = append(r.Faults, fault.String())
	}
	return r
}

// printStart prints the contents of the file before anything is sent.
func (r *batchReport) printStart(t *commandContext) {
	if t.json {
		return
	}
	form := r.Encoding
	if r.Separator != "" {
		form += ", separated by " + r.Separator
	}
	_ = terminal.Printf(
		t.out, "%s: %s; %d row(s), %d notification(s) without error\n", r.File, cmp.Or(form, "not read"), r.Rows,
		r.Notifications,
	)
	for _, fault := range r.Faults {
		_ = terminal.Printf(t.out, "%s\n", fault)
	}
	if r.EarlierAccepted+r.EarlierRefused > 0 {
		_ = terminal.Printf(t.out, "earlier: %d accepted, %d refused\n", r.EarlierAccepted, r.EarlierRefused)
	}
}

// printEnd prints the totals and returns the error that determines the exit code. The error that ended the run takes
// precedence.
func (r *batchReport) printEnd(t *commandContext, b *batchCommand, err error) error {
	printErr := t.printAnswer(r, func(w io.Writer) {
		switch {
		case b.DryRun:
			_ = terminal.Printf(w, "%d error(s), %d to send; nothing was sent\n", len(r.Faults), r.Unsent)
		case len(r.Faults) > 0 && !b.SkipBad:
			_ = terminal.Printf(w, "%d error(s); nothing was sent\n", len(r.Faults))
		default:
			_ = terminal.Printf(w, "accepted %d, refused %d, not sent %d\n", r.Accepted, r.Refused, r.Unsent)
		}
		if r.Results != "" {
			_ = terminal.Printf(w, "the result of each row is in %s\n", r.Results)
		}
	})
	switch {
	case err != nil:
		return err
	case printErr != nil:
		return fmt.Errorf("print: %w", printErr)
	case len(r.Faults) > 0 && (b.DryRun || !b.SkipBad):
		return exitError(exitUsage)
	case len(r.Faults)+r.Refused+r.EarlierRefused > 0:
		return exitError(exitRefused)
	}
	return nil
}
