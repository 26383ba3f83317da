package portal

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// This file changes a notification that exists: a draft by whoever may prepare it, a final one by its specialist.

var (
	titleEdit      = texts.Declare1[string]("portal.edit_notification", "number")
	titleEditDraft = texts.Declare("portal.edit_draft")
	mayNotEdit     = texts.Declare("portal.may_not_edit")
	changedSince   = texts.Declare("portal.changed_since")
)

// newFormPage returns the page of a form: for a new notification, or for the edited one.
func (p *Portal) newFormPage(
	r *http.Request, title texts.Text, section string, edited *implants.NotificationDetail,
) *page {
	view := p.newPage(r, title)
	if edited == nil {
		view.Section = section
		return view
	}
	view.EditedURL = notificationURL(edited.Number, edited.Reference)
	if view.Title = titleEditDraft.Translate(view.Lang); !edited.Number.IsZero() {
		view.Title = titleEdit.With(edited.Number.Digits()).Translate(view.Lang)
	}
	return view
}

// canEdit reports whether a page offers to change a notification. The register decides again when it is sent.
func canEdit(user *userView, state implants.State, isOwn bool) bool {
	if user == nil { // no profile is chosen yet
		return false
	}
	switch state {
	case implants.Draft, implants.ToValidate:
		return user.Notifies
	case implants.Final:
		return user.IsDoctor && isOwn
	case implants.Withdrawn:
	}
	return false
}

// loadEdited returns the notification that the path of a form names. It returns false if it answered already.
func (p *Portal) loadEdited(w http.ResponseWriter, r *http.Request) (*implants.NotificationDetail, bool) {
	ref, err := readNotificationRef(r)
	if err != nil {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return nil, false
	}
	n, err := p.loadNotification(r, ref)
	if err != nil {
		p.showFailure(w, r, err)
		return nil, false
	}
	isOwn := n.Specialist.SSIN == p.currentPerson(r.Context())
	switch {
	case n.State == implants.Withdrawn, ref.Number != n.Number: // a draft that became final since
		http.Redirect(w, r, notificationURL(n.Number, n.Reference), http.StatusSeeOther)
		return nil, false
	case !canEdit(p.newPage(r, titleNotification).User, n.State, isOwn):
		p.showError(w, r, http.StatusForbidden, mayNotEdit)
		return nil, false
	}
	return &n, true
}

// readNotificationRef returns the notification that a path names: by its number, or by the reference of a draft.
func readNotificationRef(r *http.Request) (implants.NotificationRef, error) {
	if reference := r.PathValue("reference"); reference != "" {
		return implants.NotificationRef{Reference: reference}, nil
	}
	number, err := ident.ParseNotificationNumber(r.PathValue("number"))
	return implants.NotificationRef{Number: number}, err
}

// showEdit shows the form with what is registered.
func (p *Portal) showEdit(w http.ResponseWriter, r *http.Request) {
	edited, isEditable := p.loadEdited(w, r)
	if !isEditable {
		return
	}
	values := p.takeKeptForm(r.Context())
	isResumed := values != nil
	if !isResumed {
		values = forms.ReadNotification(&edited.Notification)
		values.Set("version", strconv.Itoa(edited.Version))
	}
	if edited.Type == implants.TypeImplantation {
		p.renderImplantation(w, r, forms.ReadImplantation(values), edited, nil, isResumed)
		return
	}
	listed, f, mistakes, err := p.listRemovals(r, values, edited)
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	p.renderExplantation(w, r, f, listed, edited, mistakes, isResumed)
}

func (p *Portal) submitEdit(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	edited, isEditable := p.loadEdited(w, r)
	switch {
	case !isEditable:
	case edited.Type == implants.TypeImplantation:
		p.answerImplantation(w, r, edited)
	default:
		p.answerExplantation(w, r, edited)
	}
}

// sendNotification signs and submits the content of a form: as a new notification, or as the next version of the edited
// one. Sending the form of a new notification twice gives the same notification.
func (p *Portal) sendNotification(
	r *http.Request, save string, content ctr.Content, edited *implants.NotificationDetail,
) (implants.Receipt, error) {
	key := r.PostFormValue("key")
	switch {
	case edited != nil:
		request := &ctr.ReviseNotificationRequest{Version: formVersion(r), Save: save, Content: content}
		if request.Of.NotificationNumber = edited.Number.Digits(); edited.Number.IsZero() {
			request.Of.Reference = edited.Reference
		}
		caller, err := signAndIdentify(p, r, "ReviseNotification", &request.Header, request)
		if err != nil {
			return implants.Receipt{}, err
		}
		return p.Registrar.ReviseNotification(r.Context(), caller, request.ToDomain())
	case content.Implantation != nil:
		request := &ctr.NotifyImplantRequest{InputReference: key, Save: save, Implantation: *content.Implantation}
		caller, err := signAndIdentify(p, r, "NotifyImplant", &request.Header, request)
		if err != nil {
			return implants.Receipt{}, err
		}
		submission, implantation := request.ToDomain()
		return p.Registrar.NotifyImplant(r.Context(), caller, submission, implantation)
	default:
		request := &ctr.NotifyExplantRequest{InputReference: key, Save: save, Explantation: *content.Explantation}
		caller, err := signAndIdentify(p, r, "NotifyExplant", &request.Header, request)
		if err != nil {
			return implants.Receipt{}, err
		}
		submission, explantation := request.ToDomain()
		return p.Registrar.NotifyExplant(r.Context(), caller, submission, explantation)
	}
}

// submissionResult is what the register answered to a form.
type submissionResult struct {
	receipt implants.Receipt
	err     error
	edited  *implants.NotificationDetail
	form    forms.Implants
}

// finishSubmission shows the notification, or the form again with what the register refuses.
func (p *Portal) finishSubmission(
	w http.ResponseWriter, r *http.Request, result submissionResult,
	describe func(*problem.Error, texts.Lang) []forms.Mistake, review func([]forms.Mistake),
) {
	lang, key := p.requestLanguage(r), result.form.Get("key")
	switch refusal := problem.From(result.err); {
	case result.err == nil:
		p.sessions.Put(r.Context(), sessionSent, key)
		p.showReceipt(w, r, result.receipt, nil)
	case refusal.Code == implants.VersionOutdated && result.edited != nil:
		if p.sessions.GetString(r.Context(), sessionSent) == key { // the same form again
			target := notificationURL(result.edited.Number, result.edited.Reference)
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
		result.form.Values.Set("version", strconv.Itoa(result.edited.Version))
		review([]forms.Mistake{{Text: changedSince.Translate(lang)}})
	case errors.Is(result.err, problem.RuleViolated), errors.Is(result.err, problem.Conflict):
		review(describe(refusal, lang))
	default:
		p.showFailure(w, r, result.err)
	}
}
