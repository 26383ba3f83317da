package portal

import (
	"net/http"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// signAndIdentify signs a request in the name of the person who signed in, and returns the caller of its operation.
func signAndIdentify[M any](
	p *Portal, r *http.Request, operation string, header *ctr.Header, request *M,
) (platform.Caller, error) {
	return signAndIdentifyFor(p, r, operation, header, request, p.currentOrganisation(r.Context()))
}

// signAndIdentifyFor is signAndIdentify for another organisation than the profile's; for none, the person acts for
// themselves.
func signAndIdentifyFor[M any](
	p *Portal, r *http.Request, operation string, header *ctr.Header, request *M, organisation ident.NIHII,
) (platform.Caller, error) {
	author := ctr.HcParty{ID: []ctr.PartyID{{Type: "SSIN", Value: p.currentPerson(r.Context()).Digits()}}}
	*header = ctr.Header{
		ID: "_" + p.NewID(), IssueInstant: p.Now().UTC().Format(time.RFC3339),
		Author: &ctr.Author{HcParty: []ctr.HcParty{author}},
	}
	body, err := ctr.Encode(operation+"Request", request)
	if err != nil {
		return platform.Caller{}, err
	}
	message, err := p.Sign(r.Context(), operation, body)
	if err != nil {
		return platform.Caller{}, err
	}
	return p.Registrar.IdentifySession(r.Context(), message, p.currentPerson(r.Context()), organisation)
}

// validateDraft makes a prepared notification final. Only its specialist can.
func (p *Portal) validateDraft(w http.ResponseWriter, r *http.Request) {
	request := &ctr.ValidateNotificationRequest{Reference: r.PathValue("reference"), Version: formVersion(r)}
	caller, err := signAndIdentify(p, r, "ValidateNotification", &request.Header, request)
	var receipt implants.Receipt
	if err == nil {
		receipt, err = p.Registrar.ValidateNotification(r.Context(), caller, request.ToDomain())
	}
	p.showReceipt(w, r, receipt, err)
}

// discardDraft deletes a notification that was never final from the lists.
func (p *Portal) discardDraft(w http.ResponseWriter, r *http.Request) {
	p.discardNotification(w, r, ctr.NotificationOf{Reference: r.PathValue("reference")})
}

// withdrawNotification withdraws a final notification, with a reason.
func (p *Portal) withdrawNotification(w http.ResponseWriter, r *http.Request) {
	number, err := ident.ParseNotificationNumber(r.PathValue("number"))
	if err != nil {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return
	}
	p.discardNotification(w, r, ctr.NotificationOf{NotificationNumber: number.Digits()})
}

func (p *Portal) discardNotification(w http.ResponseWriter, r *http.Request, of ctr.NotificationOf) {
	request := &ctr.DiscardNotificationRequest{Of: of, Version: formVersion(r), Reason: r.PostFormValue("reason")}
	caller, err := signAndIdentify(p, r, "DiscardNotification", &request.Header, request)
	var receipt implants.Receipt
	if err == nil {
		receipt, err = p.Registrar.DiscardNotification(r.Context(), caller, request.ToDomain())
	}
	if err == nil && receipt.Number.IsZero() {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return
	}
	p.showReceipt(w, r, receipt, err)
}

// formVersion is the version that the person has read: another change since then is a conflict.
func formVersion(r *http.Request) int {
	version, _ := strconv.Atoi(r.PostFormValue("version")) // 0 is refused as outdated
	return version
}

// showReceipt sends the person to the page of what they changed.
func (p *Portal) showReceipt(w http.ResponseWriter, r *http.Request, receipt implants.Receipt, err error) {
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	target := notificationURL(receipt.Number, receipt.Reference) + "?saved=" + string(receipt.State)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// notificationURL returns the path of a notification's page: by its number, if it has one.
func notificationURL(number ident.NotificationNumber, reference string) string {
	if number.IsZero() {
		return "/portal/drafts/" + reference
	}
	return "/portal/notifications/" + number.Digits()
}
