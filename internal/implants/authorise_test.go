package implants_test

import (
	"testing"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// TestAttachedOnTheDay: a notification requires an affiliation on the surgery date, both ends of its period included.
func TestAttachedOnTheDay(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	cases := []struct {
		where ident.NIHII
		day   string
		want  []string
	}{
		{hospital, "2012-02-29", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{hospital, "2012-03-01", nil},
		{hospital, "2023-12-31", nil},
		{hospital, "2024-01-01", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{clinic, "2023-12-31", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{clinic, "2024-01-01", nil},
		// No affiliation reaches back to that day, but the violation reported is the date.
		{clinic, "1949-12-31", []string{"OPERATION_BEFORE_1950 at " + theOperation, "SPECIALIST_NOT_QUALIFIED at Implantation.Specialist",
			"PRESCRIBER_NOT_QUALIFIED at Implantation.Prescriber"}},
	}
	for _, c := range cases {
		n := implantation()
		n.Specialist, n.Prescriber, n.Patient = bySSIN(dubois), bySSIN(dubois), goosens
		setSurgeryDate(&n, c.day)
		_, err := d.NotifyImplant(t.Context(), d.callerInside(c.where, dubois), implants.SubmissionOptions{}, n)
		wantStrings(t, c.day, formatRefusals(err), c.want)
	}
}

// TestRequireLink: where the service requires it, a care relation must exist on the surgery date.
func TestRequireLink(t *testing.T) {
	t.Parallel()
	d := newTestRegisterWith(t, true)
	for operation, want := range map[string][]string{"2019-12-31": {"THERAPEUTIC_RELATION_REQUIRED"}, "2020-01-01": nil} {
		n := implantation()
		setSurgeryDate(&n, operation)
		_, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
		wantStrings(t, operation, formatRefusals(err), want)
	}
	n := implantation()
	n.Patient = nguyen
	_, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
	wantCode(t, err, authorization.LinkRequired)
	if d = newTestRegister(t); len(d.mustNotify(n).AffectedImplants) != 1 {
		t.Error("without the setting the operation itself is the relation")
	}
}

// TestWithheldLikeAbsent: withheld and absent data give the same answer.
func TestWithheldLikeAbsent(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	kept := d.mustNotify(implantation())
	absent := mustNumber(t, "2020-09-30", 36330)
	for name, who := range map[string]ident.SSIN{"a doctor": dubois, "a patient": nguyen} {
		for what, of := range map[string][2]implants.CardRequest{
			"notification": {{Number: kept.Number}, {Number: absent}}, "card": {{Patient: leroy}, {Patient: kaya}}} {
			var said [2]problem.Error
			for i := range of {
				_, err := d.GetImplantCard(t.Context(), d.callerWithOwnKey(who), of[i])
				e := problem.From(err)
				entry, _ := problem.Lookup(e.Code)
				said[i] = problem.Error{Code: e.Code.PublicCode(), Detail: e.Detail, Path: e.Path}
				for _, l := range texts.Langs() {
					said[i].Detail = texts.Join(said[i].Detail, texts.Literal(entry.Text(l)))
				}
			}
			if said[0].Code != said[1].Code || !said[0].Detail.Equal(said[1].Detail) || said[0].Path != said[1].Path {
				t.Errorf("%s, %s: %v and %v differ", name, what, said[0], said[1])
			}
		}
		for _, criteria := range []implants.SearchRequest{{Number: kept.Number}, {Number: absent}, {Patient: leroy}, {Patient: kaya}} {
			criteria.Limit = 10
			found, err := d.Search(t.Context(), d.callerWithOwnKey(who), criteria)
			if err != nil || found.Total != 0 || len(found.Notifications) != 0 {
				t.Errorf("%s: search gives %v, %v", name, found, err)
			}
		}
	}
	// A caller who may read no patient data gets the same refusal for both.
	for _, number := range []ident.NotificationNumber{kept.Number, absent} {
		_, err := d.GetImplantCard(t.Context(), d.callerWithOwnKey(maes), implants.CardRequest{Number: number})
		wantCode(t, err, authorization.MayNotRead)
		_, err = d.Search(t.Context(), d.callerWithOwnKey(maes), implants.SearchRequest{Number: number})
		wantCode(t, err, authorization.MayNotRead)
	}
}

func mustNumber(t *testing.T, on string, running uint64) ident.NotificationNumber {
	t.Helper()
	n, err := ident.NewNotificationNumber(day(on), running)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
