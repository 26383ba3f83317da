package portal

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/texts"
)

// This file tells patients who used their data, in words for patients: the terms of the audit log are for operators.

var (
	titleAccessLog = texts.Declare("portal.access_log")
	// usesOfData says what an operation of the register did.
	usesOfData = map[string]texts.Text{
		"Search": useLooked, "ListPatientImplants": useLooked, "GetNotification": useLooked,
		"GetImplantCard": texts.Declare("portal.use_card"),
		"NotifyImplant":  useNotified, "NotifyExplant": useNotified,
		"ReviseNotification":   texts.Declare("portal.use_changed"),
		"ValidateNotification": useNotified,
		"DiscardNotification":  texts.Declare("portal.use_withdrawn"),
	}
	useLooked     = texts.Declare("portal.use_looked")
	useNotified   = texts.Declare("portal.use_notified")
	useOther      = texts.Declare("portal.use_other")
	useByOperator = texts.Declare("portal.use_by_operator")
	whyRelation   = texts.Declare("portal.why_relation")
	whyOperation  = texts.Declare("portal.why_operation")
	whyOwn        = texts.Declare("portal.why_own")
	whyEmergency  = texts.Declare("portal.why_emergency")
	whyOperator   = texts.Declare("portal.why_operator")
	whyRefused    = texts.Declare("portal.why_refused")
	whyPrepared   = texts.Declare("portal.why_prepared")
)

// accessLogView is a page of the list.
type accessLogView struct {
	pagingView

	Uses []dataUseView
}

// dataUseView is one use of the patient's data.
type dataUseView struct {
	When, Who, Organisation, What, Why string
	Stated                             string // the reason that a doctor gave in an emergency, or the operator
	IsEmergency                        bool
}

// showAccessLog shows people who used their data as a patient. They see it in their own name, whatever they act for
// otherwise.
func (p *Portal) showAccessLog(w http.ResponseWriter, r *http.Request) {
	page := readPage(r)
	caller, err := p.identifyOwner(r.Context(), "ListDataUses")
	var found access.ListDataUsesResult
	if err == nil {
		found, err = p.Registrar.ListDataUses(r.Context(), caller, page)
	}
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	view := p.newPage(r, titleAccessLog)
	view.Section = "me"
	content := accessLogView{pagingView: newPaging(r, found.Total, page.Offset, len(found.Uses))}
	for i := range found.Uses {
		content.Uses = append(content.Uses, p.newDataUseView(&found.Uses[i], view.Lang))
	}
	view.Content = content
	p.renderPage(w, http.StatusOK, "access-log.html", view)
}

func (p *Portal) newDataUseView(use *access.DataUse, l texts.Lang) dataUseView {
	v := dataUseView{
		When: use.OccurredAt.In(p.Location).Format("02/01/2006 15:04"), Organisation: use.OrganisationName,
		Who: use.PersonName, Stated: use.EmergencyReason,
	}
	what, isKnown := usesOfData[use.Operation]
	if !isKnown {
		what = useOther
	}
	v.What = what.Translate(l)
	isByOperator := strings.HasPrefix(use.Operation, "Admin")
	v.IsEmergency = use.EmergencyReason != "" && !isByOperator
	switch {
	case isByOperator:
		v.Who, v.What, v.Why = useByOperator.Translate(l), useLooked.Translate(l), whyOperator.Translate(l)
	case use.Outcome != platform.OutcomeAccepted:
		v.Why = whyRefused.Translate(l)
	case v.IsEmergency:
		v.Why = whyEmergency.Translate(l)
	case use.Reason == platform.ReasonOwnSurgery:
		v.Why = whyOperation.Translate(l)
	case strings.HasPrefix(use.Reason, platform.RelationReason):
		v.Why = whyRelation.Translate(l)
	case use.Stored == (platform.StoredDigests{}): // a read
		v.Why = whyOwn.Translate(l)
	default:
		v.Why = whyPrepared.Translate(l)
	}
	v.Who = cmp.Or(v.Who, v.Organisation)
	return v
}
