// Package operatorpages serves the operator's part of the portal, below /portal/operator/: recalls that are followed
// until every responsible specialist is informed, the audit log with its reviews, and the state of the service.
//
// It is separate from package portal because nothing else of the portal reads more than one person's data: an operator
// acts on the whole register, by the tasks of package operator, which the commands of ctrd share. It knows the portal
// by the interface Frame. New is the entry point.
package operatorpages

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
)

// Prefix is the path below which all pages of the operator are.
const Prefix = "/portal/operator/"

// Templates holds the pages. They use the head and the foot of the portal's pages.
//
//go:embed pages
var Templates embed.FS

// Register is the store of the register, as an operator needs it.
type Register interface {
	implants.Store
	operator.RecallKeeper
	operator.ReviewKeeper
	operator.AuditReader

	RecallAtMost(ctx context.Context, q implants.RecallQuery, lines int) (*implants.RecallResult, error)
	ReviewOwnSurgeries(
		ctx context.Context, reads []platform.AuditEntry, care func(surgery ident.Date) platform.Period,
	) ([]platform.OwnSurgeryReview, error)
	Reviews(ctx context.Context, seqs []int64) ([]platform.AuditReview, error)
	Recalls(context.Context, platform.Page) ([]platform.Recall, int, error)
	RecallByID(ctx context.Context, id string) (platform.Recall, []platform.RecallNotice, bool, error)
}

// Config configures the pages.
type Config struct {
	Register Register
	// IsOperator is asked at every request.
	IsOperator func(ctx context.Context, person ident.SSIN) bool
	ReadState  func(context.Context) State
	Now        func() time.Time
	NewID      func() string // unique and unpredictable
	Log        *slog.Logger
}

// Frame is what the pages need of the portal.
type Frame interface {
	// CurrentOperator returns the person who signed in and chose to act as an operator, or zero.
	CurrentOperator(context.Context) ident.SSIN
	// AskToSignIn sends nobody to sign in and returns true; it returns false for a person.
	AskToSignIn(http.ResponseWriter, *http.Request) bool
	Language(*http.Request) texts.Lang
	Render(w http.ResponseWriter, r *http.Request, template string, p Page)
	ShowAbsent(http.ResponseWriter, *http.Request)
	ShowFailure(http.ResponseWriter, *http.Request, error)
}

// Page is what a page of the operator adds to the frame.
type Page struct {
	Status  int    // 200 if zero
	Section string // of the menu
	Title   texts.Text
	Errors  []forms.Mistake
	Content any
}

// Pages serves the pages of the operator.
type Pages struct {
	Config

	frame Frame
	mux   *http.ServeMux
	// heavy is a slot for the requests that read much of the register: one at a time, so that their memory is bounded.
	heavy chan struct{}
}

// New returns the pages inside the frame of a portal.
func New(c Config, frame Frame) *Pages {
	p := &Pages{Config: c, frame: frame, mux: http.NewServeMux(), heavy: make(chan struct{}, 1)}
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET " + Prefix + "{$}":                  p.showRecalls,
		"POST " + Prefix + "recalls":             p.startRecall,
		"GET " + Prefix + "recalls/{id}":         p.showRecall,
		"POST " + Prefix + "recalls/{id}":        p.setNotice,
		"POST " + Prefix + "recalls/{id}/export": p.exportRecall,
		"GET " + Prefix + "audit":                p.showAudit,
		"POST " + Prefix + "audit":               p.searchAudit,
		"GET " + Prefix + "state":                p.showState,
	} {
		p.mux.HandleFunc(pattern, handle)
	}
	p.mux.HandleFunc("/", frame.ShowAbsent)
	return p
}

// ServeHTTP serves an operator. Anybody else who signed in gets the page of an absent address.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.frame.AskToSignIn(w, r) {
		return
	}
	person := p.frame.CurrentOperator(r.Context())
	if person.IsZero() || !p.IsOperator(r.Context(), person) {
		p.frame.ShowAbsent(w, r)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// currentOperator returns who acts, for the tasks of package operator.
func (p *Pages) currentOperator(r *http.Request) operator.Operator {
	return operator.Operator{
		Store: p.Register, Name: "portal", Person: p.frame.CurrentOperator(r.Context()), Now: p.Now, NewID: p.NewID,
	}
}

// runHeavy runs a task when no other one reads much of the register.
func (p *Pages) runHeavy(ctx context.Context, task func() error) error {
	select {
	case p.heavy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.heavy }()
	return task()
}

// pageSize is the number of rows of a list on one page.
const pageSize = 50

// paging is a part of a list. The templates of the portal draw it.
type paging struct {
	PreviousURL, NextURL string
	First, Last, Total   int
}

// readOffset returns where the part of a list begins that a request asks for.
func readOffset(r *http.Request) int {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset")) // 0 if it is no number
	return max(0, offset)
}

// newPaging describes a part of a list at the address of the request.
func newPaging(r *http.Request, offset, rows, total int) paging {
	v := paging{First: min(offset+1, total), Last: offset + rows, Total: total}
	if offset > 0 {
		v.PreviousURL = r.URL.Path + "?offset=" + strconv.Itoa(max(0, offset-pageSize))
	}
	if offset+rows < total {
		v.NextURL = r.URL.Path + "?offset=" + strconv.Itoa(offset+rows)
	}
	return v
}

// formatInstant writes an instant as people in Belgium do.
func formatInstant(at time.Time) string {
	return at.In(ident.BelgianTime()).Format("02/01/2006 15:04")
}

// The sections of the menu.
const (
	sectionRecalls = "operator-recalls"
	sectionAudit   = "operator-audit"
	sectionState   = "operator-state"
)
