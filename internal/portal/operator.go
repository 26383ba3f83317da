package portal

import (
	"cmp"
	"context"
	"net/http"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/operatorpages"
	"github.com/openctr/ctr/internal/texts"
)

// operatorFrame shows the pages of the operator inside the portal.
type operatorFrame struct{ *Portal }

// CurrentOperator implements operatorpages.Frame.
func (f operatorFrame) CurrentOperator(ctx context.Context) ident.SSIN {
	if f.sessions.GetString(ctx, sessionCapacity) != capacityOperator {
		return ident.SSIN{}
	}
	return f.currentPerson(ctx)
}

// AskToSignIn implements operatorpages.Frame.
func (f operatorFrame) AskToSignIn(w http.ResponseWriter, r *http.Request) bool {
	isNobody := f.currentPerson(r.Context()).IsZero()
	if isNobody {
		f.askToSignIn(w, r)
	}
	return isNobody
}

// Language implements operatorpages.Frame.
func (f operatorFrame) Language(r *http.Request) texts.Lang { return f.requestLanguage(r) }

// Render implements operatorpages.Frame.
func (f operatorFrame) Render(w http.ResponseWriter, r *http.Request, template string, p operatorpages.Page) {
	view := f.newPage(r, p.Title)
	view.Section, view.Content, view.Errors = p.Section, p.Content, p.Errors
	f.renderPage(w, cmp.Or(p.Status, http.StatusOK), template, view)
}

// ShowAbsent implements operatorpages.Frame.
func (f operatorFrame) ShowAbsent(w http.ResponseWriter, r *http.Request) {
	f.showError(w, r, http.StatusNotFound, pageNotFound)
}

// ShowFailure implements operatorpages.Frame.
func (f operatorFrame) ShowFailure(w http.ResponseWriter, r *http.Request, err error) {
	f.showFailure(w, r, err)
}

// isOperator reports whether a person may act as an operator.
func (p *Portal) isOperator(ctx context.Context, person ident.SSIN) bool {
	return p.Operator != nil && p.Operator.IsOperator(ctx, person)
}
