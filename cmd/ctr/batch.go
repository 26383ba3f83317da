package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/wire"
)

type batchCommand struct {
	File     string        `arg:"" help:"CSV file, or JSON Lines when its name ends in .jsonl: one implant per row, the rows with one input_reference being one notification." type:"existingfile"`
	Save     string        `help:"How far the notifications go: Draft, Submit (to their specialist) or Final." enum:"Draft,Submit,Final" default:"Final" placeholder:"HOW-FAR"`
	DryRun   bool          `help:"Check the file and send nothing. Needs no key and no service."`
	SkipBad  bool          `help:"Send what is right although other rows are wrong."`
	Again    bool          `help:"Send also what was refused in an earlier run."`
	Parallel int           `help:"How many to send at a time, 1 to 64." default:"8"`
	Patience time.Duration `help:"How long to try again when nobody answers." default:"2m"`
	Results  string        `help:"The file of results; FILE.results.csv when left out." placeholder:"FILE.csv"`
}

// Validate keeps the number of connections to what a service takes from one caller.
func (b *batchCommand) Validate() error {
	if b.Parallel < 1 || b.Parallel > 64 {
		return errors.New("--parallel: 1 to 64")
	}
	return nil
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

// Run checks the whole file, and sends what has no answer yet.
func (b *batchCommand) Run(t *terminal) error {
	info, err := os.Stat(b.File)
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	if info.Size() > batch.MaxOctets {
		return fmt.Errorf("%s is larger than %d MiB: send it in parts", b.File, batch.MaxOctets>>20)
	}
	octets, err := os.ReadFile(b.File)
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	b.Results = cmp.Or(b.Results, b.File+".results.csv")
	file := batch.Read(octets, batch.Options{JSONLines: strings.EqualFold(filepath.Ext(b.File), ".jsonl"), Save: b.Save,
		Today: ident.DateOf(t.now().UTC().Add(brusselsAhead))})
	journal, err := batch.ReadJournal(b.Results)
	if err != nil {
		return err
	}
	pending, earlier := file.Pending(journal, b.Again)
	r := &batchReport{File: b.File, Encoding: file.Encoding, Separator: file.Separator, Rows: file.Rows,
		Notifications: len(file.Notifications), EarlierAccepted: earlier.Accepted, EarlierRefused: earlier.Refused, Unsent: len(pending)}
	for _, fault := range file.Faults {
		r.Faults = append(r.Faults, fault.String())
	}
	r.begin(t)
	if b.DryRun || len(r.Faults) > 0 && !b.SkipBad {
		return r.end(t, b, nil)
	}
	if journal.Unreadable > 0 && !t.json {
		_, _ = fmt.Fprintf(t.out, "%s: %d unreadable line(s); what they told is asked again\n", b.Results, journal.Unreadable)
	}
	return r.end(t, b, b.send(t, r, pending))
}

// send sends, and counts in the report.
func (b *batchCommand) send(t *terminal, r *batchReport, pending []*batch.Notification) error {
	if len(pending) == 0 {
		return nil
	}
	c, err := t.caller()
	if err != nil {
		return err
	}
	if transport, ok := c.client.HTTP.Transport.(*http.Transport); ok {
		transport.MaxIdleConnsPerHost = b.Parallel // by default most connections would be made anew for each message
	}
	journal, err := batch.OpenJournal(b.Results)
	if err != nil {
		return err
	}
	r.Results = b.Results
	progress := &progressLine{out: t.out, now: t.now, silent: t.json, terminal: isTerminal(t.out), began: t.now()}
	sender := &batch.Sender{Send: c.send, Journal: journal, Parallel: b.Parallel, Patience: b.Patience, Pause: batch.Pause, Progress: progress.show}
	sent, err := sender.Run(c.ctx, pending)
	progress.end()
	r.Accepted, r.Refused = sent.Accepted, sent.Refused
	r.Unsent = sent.Total - sent.Accepted - sent.Refused
	if errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		err = fmt.Errorf("%w: stopped; the same command goes on", client.ErrUnreachable)
	}
	return errors.Join(err, journal.Close())
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
			if r.Accepted+r.Refused > 0 {
				_, _ = fmt.Fprintf(w, "each answer is in %s\n", r.Results)
			}
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
	for _, w := range answer.Warning {
		yes.Codes = append(yes.Codes, w.Code)
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
	a := batch.Answer{Verdict: batch.No, Message: refusal.Messages[languageOfTerminal], Err: err}
	var said []string
	for _, v := range refusal.Violations {
		a.Codes = append(a.Codes, v.Code)
		if slices.Contains(ofCaller, problem.Code(v.Code)) {
			a.Verdict = batch.Stop
		}
		_, place, found := strings.Cut(v.Path, "Implantation/")
		words := v.Messages[languageOfTerminal]
		if found {
			words = strings.ReplaceAll(place, "ctr:", "") + ": " + words
		}
		said = append(said, words)
	}
	if len(said) > 0 {
		a.Message = strings.Join(said, " ")
	}
	switch {
	case refusal.Retry:
		a.Verdict, a.Err = batch.Later, fmt.Errorf("%w: it asks to try later: %s", client.ErrUnreachable, refusal.Error())
	case refusal.Code == notAuthenticated:
		a.Verdict = batch.Stop
	}
	return a
}

// progressLine shows how far a batch is: on a terminal a line that changes, elsewhere one every few seconds.
type progressLine struct {
	out      io.Writer
	now      func() time.Time
	silent   bool
	terminal bool
	began    time.Time
	last     time.Time
	open     bool
}

// The times between two showings.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 10 * time.Second
)

func (l *progressLine) show(p batch.Progress) {
	now := l.now()
	every := elsewhere
	if l.terminal {
		every = onTerminal
	}
	done := p.Accepted + p.Refused
	if l.silent || done < p.Total && now.Sub(cmp.Or(l.last, l.began)) < every {
		return
	}
	l.last = now
	rate := float64(done) / max(now.Sub(l.began).Seconds(), 0.001)
	line := fmt.Sprintf("%d of %d (%d %%), %d refused, %.0f a second", done, p.Total, 100*done/p.Total, p.Refused, rate)
	if l.terminal {
		l.open = true
		const width = 20
		bar := strings.Repeat("#", width*done/p.Total)
		_, _ = fmt.Fprintf(l.out, "\r[%-*s] %s ", width, bar, line)
		return
	}
	_, _ = fmt.Fprintln(l.out, line)
}

// end leaves the line that changes.
func (l *progressLine) end() {
	if l.open {
		_, _ = fmt.Fprintln(l.out)
	}
}

// isTerminal tells whether somebody looks at the output while it is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
