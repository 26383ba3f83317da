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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/wire"
)

type batchCommand struct {
	File     string        `arg:"" optional:"" help:"CSV file, or JSON Lines when its name ends in .jsonl: one implant per row, the rows with one input_reference being one notification." type:"existingfile"`
	Watch    string        `help:"In place of a file: send each file that is put into DIR/inbox, and move it to DIR/done or DIR/failed with its results, until stopped." type:"existingdir" placeholder:"DIR"`
	Settle   time.Duration `help:"With --watch: how long a file must not have changed to count as complete." default:"5s"`
	Save     string        `help:"How far the notifications go: Draft, Submit (to their specialist) or Final, which is so when left out." enum:"Draft,Submit,Final" default:"Final" placeholder:"HOW-FAR"`
	DryRun   bool          `help:"Check the file and send nothing. Needs no key and no service."`
	SkipBad  bool          `help:"Send what is right although other rows are wrong. Without it one fault stops the whole file."`
	Again    bool          `help:"Send also what was refused in an earlier run."`
	Parallel int           `help:"How many to send at a time, 1 to 64." default:"8"`
	Patience time.Duration `help:"How long one notification is tried again while nobody answers." default:"2m"`
	Results  string        `help:"Another file for the results than FILE.results.csv: a line for each row." placeholder:"FILE.csv"`
}

// Help is what --help tells below the first line.
func (*batchCommand) Help() string {
	return `The whole file is checked before anything is sent. What became of each row is written to FILE.results.csv. Each answer is kept in FILE.journal at once, from which the same command goes on, however it ended.

Exit codes: 0 everything is accepted; 1 something was refused, or left out by --skip-bad; 2 a flag or the file is wrong, another ctr is at work on it, or something could not be written; 3 nobody answered, or it was stopped: the same command goes on; 4 not authenticated. With --watch: 0 it was stopped.

Columns and all the rest: docs/batch.md.`
}

// Validate tells which flags contradict each other, and keeps the number of connections to what a service takes from one
// caller.
func (b *batchCommand) Validate() error {
	switch {
	case b.File == "" && b.Watch == "":
		return errors.New("give a FILE, or --watch=DIR")
	case b.File != "" && b.Watch != "":
		return errors.New("give a FILE or --watch=DIR, not both")
	case b.Watch != "" && (b.DryRun || b.Again || b.Results != ""):
		return errors.New("--watch: leave --dry-run, --again and --results out; what was refused is sent again when its file is put into the inbox again")
	case isSame(b.Results, b.File) || isSame(b.Results, b.File+".journal"):
		return errors.New("--results: that would overwrite the file itself, or its journal")
	case b.Parallel < 1 || b.Parallel > 64:
		return errors.New("--parallel: 1 to 64")
	case b.Patience < 0 || b.Settle < 0:
		return errors.New("--patience and --settle: 0s or longer")
	}
	return nil
}

// isSame tells whether two names are of one file that is there.
func isSame(a, b string) bool {
	first, failed := os.Stat(a)
	second, err := os.Stat(b)
	return failed == nil && err == nil && os.SameFile(first, second)
}

// batchReport is the end of a batch as JSON.
type batchReport struct {
	File            string
	Encoding        string   `json:",omitempty"`
	Separator       string   `json:",omitempty"`
	Rows            int      // with something in them
	Faults          []string `json:",omitempty"`
	Notifications   int      // without faults
	Results         string   `json:",omitempty"`
	EarlierAccepted int
	EarlierRefused  int
	Accepted        int
	Refused         int
	Unsent          int
}

// brusselsAhead is more than Brussels is ahead of UTC on any day: the register, which knows the day better, decides.
const brusselsAhead = 2 * time.Hour

// options say how a file is understood today.
func (b *batchCommand) options(t *terminal) batch.Options {
	return batch.Options{Save: b.Save, Today: ident.DateOf(t.now().UTC().Add(brusselsAhead))}
}

// Run checks the whole file, and sends what has no answer yet; or it watches a folder.
func (b *batchCommand) Run(t *terminal, k *kong.Context) error {
	ctx, stop := untilTold(t.ctx)
	defer stop()
	switch {
	case b.Watch != "":
		return b.watch(ctx, t, k.Stderr)
	case b.DryRun:
		return b.check(t)
	}
	c, err := t.caller()
	if err != nil {
		return err
	}
	journal, err := batch.OpenJournal(b.File + ".journal")
	if err != nil {
		return err
	}
	err = b.send(ctx, t, c, journal)
	return errors.Join(err, journal.Close())
}

// untilTold is a context that ends when the process is asked to end. Asked again, the process ends at once, in the middle
// of what is on its way.
func untilTold(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	return ctx, stop
}

// check tells what is wrong with the file.
func (b *batchCommand) check(t *terminal) error {
	file, err := batch.ReadFile(b.File, b.options(t))
	if err != nil {
		return err
	}
	journal, err := batch.ReadJournal(b.File + ".journal")
	if err != nil {
		return err
	}
	pending, earlier := file.Pending(journal, b.Again)
	r := b.report(file, pending, earlier)
	r.begin(t)
	return r.end(t, b, nil)
}

// send sends what is pending, unless faults stop it, and writes the results.
func (b *batchCommand) send(ctx context.Context, t *terminal, c *caller, journal *batch.Journal) error {
	file, err := batch.ReadFile(b.File, b.options(t))
	if err != nil {
		return err
	}
	pending, earlier := file.Pending(journal, b.Again)
	r := b.report(file, pending, earlier)
	r.begin(t)
	if journal.Unreadable > 0 && !t.json {
		_, _ = fmt.Fprintf(t.out, "%s.journal: %d unreadable line(s); what they told is asked again\n", b.File, journal.Unreadable)
	}
	if len(file.Faults) == 0 || b.SkipBad {
		err = b.deliver(ctx, t, c, journal, r, pending)
	}
	if len(file.Rows) > 0 {
		r.Results = cmp.Or(b.Results, b.File+".results.csv")
		err = errors.Join(err, b.write(r.Results, file.Results(journal)))
	}
	return r.end(t, b, err)
}

// write writes the results, for whoever may read the file.
func (b *batchCommand) write(name string, results []byte) error {
	info, err := os.Stat(b.File)
	if err == nil {
		err = batch.WriteFile(name, results, info.Mode())
	}
	if err != nil {
		return fmt.Errorf("the results (which the same command writes again): %w", err)
	}
	return nil
}

// deliver sends, and counts in the report.
func (b *batchCommand) deliver(ctx context.Context, t *terminal, c *caller, journal *batch.Journal, r *batchReport, pending []*batch.Notification) error {
	if len(pending) == 0 {
		return nil
	}
	progress := &progressLine{out: t.out, now: t.now, silent: t.json, terminal: isTerminal(t.out), began: t.now()}
	sender := b.sender(c)
	sender.Journal, sender.Progress, sender.Delayed = journal, progress.show, progress.delayed
	sent, err := sender.Run(ctx, pending)
	progress.end()
	r.Accepted, r.Refused = sent.Accepted, sent.Refused
	r.Unsent = sent.Total - sent.Accepted - sent.Refused
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = fmt.Errorf("%w: stopped; the same command goes on", client.ErrUnreachable)
	}
	return err
}

// sender sends as the flags say.
func (b *batchCommand) sender(c *caller) batch.Sender {
	if transport, ok := c.client.HTTP.Transport.(*http.Transport); ok {
		transport.MaxIdleConnsPerHost = b.Parallel // by default most connections would be made anew for each message
	}
	return batch.Sender{Send: c.send, Parallel: b.Parallel, Patience: b.Patience, Pause: batch.Pause}
}

func (b *batchCommand) report(file *batch.File, pending []*batch.Notification, earlier batch.Earlier) *batchReport {
	r := &batchReport{File: b.File, Encoding: file.Encoding, Separator: file.Separator, Rows: len(file.Rows),
		Notifications: len(file.Notifications), EarlierAccepted: earlier.Accepted, EarlierRefused: earlier.Refused, Unsent: len(pending)}
	for _, fault := range file.Faults {
		r.Faults = append(r.Faults, fault.String())
	}
	return r
}

// begin says what was found, before anything is sent.
func (r *batchReport) begin(t *terminal) {
	if t.json {
		return
	}
	form := r.Encoding
	if r.Separator != "" {
		form += ", separated by " + r.Separator
	}
	_, _ = fmt.Fprintf(t.out, "%s: %s; %d row(s), %d notification(s) without fault\n", r.File, cmp.Or(form, "not read"), r.Rows, r.Notifications)
	for _, fault := range r.Faults {
		_, _ = fmt.Fprintln(t.out, fault)
	}
	if r.EarlierAccepted+r.EarlierRefused > 0 {
		_, _ = fmt.Fprintf(t.out, "earlier: %d accepted, %d refused\n", r.EarlierAccepted, r.EarlierRefused)
	}
}

// end says how it ended, and chooses the exit code: what a run ended early with comes first.
func (r *batchReport) end(t *terminal, b *batchCommand, err error) error {
	c := &caller{json: t.json, out: t.out}
	failed := c.print(r, func(w io.Writer) {
		switch {
		case b.DryRun:
			_, _ = fmt.Fprintf(w, "%d fault(s), %d to send; nothing was sent\n", len(r.Faults), r.Unsent)
		case len(r.Faults) > 0 && !b.SkipBad:
			_, _ = fmt.Fprintf(w, "%d fault(s); nothing was sent\n", len(r.Faults))
		default:
			_, _ = fmt.Fprintf(w, "accepted %d, refused %d, not sent %d\n", r.Accepted, r.Refused, r.Unsent)
		}
		if r.Results != "" {
			_, _ = fmt.Fprintf(w, "what became of each row is in %s\n", r.Results)
		}
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fmt.Errorf("print: %w", failed)
	case len(r.Faults) > 0 && (b.DryRun || !b.SkipBad):
		return saidError(exitUsage)
	case len(r.Faults)+r.Refused+r.EarlierRefused > 0:
		return saidError(exitRefused)
	}
	return nil
}

// send sends one notification of a batch, and judges the answer.
func (c *caller) send(ctx context.Context, request *wire.NotifyImplantRequest) batch.Answer {
	c.complete(&request.Header)
	answer, err := client.Call[wire.NotifyImplantRequest, wire.NotifyResponse](ctx, c.client, "NotifyImplant", request)
	if err != nil {
		return judge(err)
	}
	yes := batch.Answer{Verdict: batch.Yes, Number: answer.Receipt.NotificationNumber, Reference: answer.Receipt.Reference}
	for _, implant := range answer.Implant {
		yes.Implants = append(yes.Implants, implant.ImplantID)
	}
	for _, w := range answer.Warning {
		yes.Findings = append(yes.Findings, batch.Finding{Code: w.Code, Implant: implantOf(w.Path)})
	}
	return yes
}

// ofCaller are refusals of the caller himself, whatever he sends.
var ofCaller = []problem.Code{problem.CertificateUnfit, problem.CertificateCBE, problem.AuthorRequired, problem.AuthorAmbiguous, problem.AuthorDisagrees}

// judge tells what a failure means for the rest of a batch.
func judge(err error) batch.Answer {
	refusal, refused := errors.AsType[*soap.Refusal](err)
	if !refused {
		return batch.Answer{Verdict: batch.Later, Err: err}
	}
	a := batch.Answer{Verdict: batch.No, Err: err}
	for _, v := range refusal.Violations {
		if slices.Contains(ofCaller, problem.Code(v.Code)) {
			a.Verdict = batch.Stop
		}
		_, place, found := strings.Cut(v.Path, "Implantation/")
		words := v.Messages[languageOfTerminal]
		if found {
			words = strings.ReplaceAll(place, "ctr:", "") + ": " + words
		}
		a.Findings = append(a.Findings, batch.Finding{Code: v.Code, Implant: implantOf(v.Path), Message: words})
	}
	if len(a.Findings) == 0 {
		a.Findings = []batch.Finding{{Code: refusal.Code, Message: refusal.Messages[languageOfTerminal]}}
	}
	switch {
	case refusal.Retry:
		a.Verdict, a.Err = batch.Later, fmt.Errorf("%w: it asks to try later: %s", client.ErrUnreachable, refusal.Error())
	case refusal.Code == notAuthenticated:
		a.Verdict = batch.Stop
	}
	return a
}

var implantInPath = regexp.MustCompile(`/ctr:Implant\[([0-9]{1,2})\]`)

// implantOf is the implant that a place in a request is in, from 1, or 0.
func implantOf(path string) int {
	found := implantInPath.FindStringSubmatch(path)
	if found == nil {
		return 0
	}
	place, _ := strconv.Atoi(found[1]) // two digits
	return place
}
