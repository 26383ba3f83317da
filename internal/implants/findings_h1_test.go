package implants_test

import (
	"fmt"
	"testing"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// seen tells what a caller sees of Leroy by each read: notifications, implants, surgeries on the patient card, and
// whether the notification of Claes is visible, by number and as a card; then the reason that was recorded.
func (d *testRegister) seen(c func() platform.Caller, foreign ident.NotificationNumber) string {
	d.tb.Helper()
	ctx, page := d.tb.Context(), platform.Page{Limit: 100}
	d.newEvents()
	found, err := d.Search(ctx, c(), implants.SearchRequest{Page: page, Patient: leroy})
	if err != nil {
		d.tb.Fatal(err)
	}
	list, err := d.ListPatientImplants(ctx, c(), implants.ListImplantsRequest{Page: page, Patient: leroy})
	if err != nil {
		d.tb.Fatal(err)
	}
	card, cardErr := d.GetImplantCard(ctx, c(), implants.CardRequest{Patient: leroy})
	byNumber, err := d.Search(ctx, c(), implants.SearchRequest{Page: page, Number: foreign})
	if err != nil {
		d.tb.Fatal(err)
	}
	_, oneErr := d.GetNotification(ctx, c(), implants.NotificationRequest{Notification: implants.NotificationRef{Number: foreign}})
	_, oneCardErr := d.GetImplantCard(ctx, c(), implants.CardRequest{Number: foreign})
	reasons := map[string]bool{}
	for _, e := range d.newEvents() {
		reasons[e.Reason] = true
	}
	if len(reasons) != 1 {
		d.tb.Errorf("one access has the reasons %v", reasons)
	}
	why := ""
	for reason := range reasons {
		why = reason
	}
	return fmt.Sprintf("%d %d %d %d %t/%t/%t %s", found.Total, list.Total, len(card.Surgeries), byNumber.Total,
		cardErr == nil, oneErr == nil, oneCardErr == nil, why)
}

const (
	seesNothing   = "0 0 0 0 false/false/false own notifications"
	seesOnlyOwn   = "1 1 1 0 true/false/false own notifications"
	seesByOwnWork = "2 2 2 1 true/true/true own operation"
)

// TestFindingH1RelationFollowsNotifications: the care relation of a surgery lasts as long as a notification in force
// says so, and fifteen months at most. Nothing is stored, so withdrawing or moving the notification ends it at once.
func TestFindingH1RelationFollowsNotifications(t *testing.T) {
	t.Parallel()
	// Dubois, who has no relation with Leroy, notifies a surgery; Claes notified another one before.
	setUp := func(t *testing.T) (d *testRegister, foreign ident.NotificationNumber, by func() platform.Caller) {
		t.Helper()
		d = newTestRegister(t)
		placed := d.mustNotify(implantation())
		by = func() platform.Caller { return d.callerWithOwnKey(dubois) }
		wantText(t, "before", d.seen(by, placed.Number), seesNothing)
		return d, placed.Number, by
	}
	invented := func(on string) implants.Implantation {
		n := implantation()
		n.Specialist = bySSIN(dubois)
		setSurgeryDate(&n, on)
		return n
	}
	revise := func(d *testRegister, of implants.Receipt, n implants.Implantation) {
		t.Helper()
		if _, err := d.ReviseNotification(t.Context(), d.callerWithOwnKey(dubois), implants.ReviseRequest{
			Notification: implants.NotificationRef{Number: of.Number}, Version: of.Version, Implantation: &n}); err != nil {
			t.Fatal(err)
		}
	}
	withdraw := func(d *testRegister, of implants.Receipt, version int) {
		t.Helper()
		if _, err := d.DiscardNotification(t.Context(), d.callerWithOwnKey(dubois), implants.DiscardRequest{
			Notification: implants.NotificationRef{Number: of.Number}, Version: version, Reason: "entered by mistake"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, run := range map[string]func(*testing.T){
		"withdrawn": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			n := d.mustNotify(invented("2026-11-20"))
			wantText(t, "notified", d.seen(by, foreign), seesByOwnWork)
			withdraw(d, n, 1)
			// Their own withdrawn notification is still listed as such, but nothing of others.
			wantText(t, "withdrawn", d.seen(by, foreign), "1 0 0 0 false/false/false own notifications")
		},
		"moved to another patient and back": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			first := invented("2026-11-20")
			n := d.mustNotify(first)
			other := first
			other.Patient = vanDam
			revise(d, n, other)
			wantText(t, "moved away", d.seen(by, foreign), seesNothing)
			n.Version = 2
			revise(d, n, first)
			wantText(t, "moved back", d.seen(by, foreign), seesByOwnWork)
			n.Version = 3
			revise(d, n, other)
			withdraw(d, n, 4)
			wantText(t, "moved and withdrawn", d.seen(by, foreign), seesNothing)
		},
		"fifteen months": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			d.mustNotify(invented("2026-11-20"))
			d.now = d.now.AddDate(0, 15, -1) // 20 February 2028
			wantText(t, "on the last day", d.seen(by, foreign), seesByOwnWork)
			d.now = d.now.AddDate(0, 0, 1)
			wantText(t, "after it", d.seen(by, foreign), seesOnlyOwn)
		},
		"an old operation": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			n := d.mustNotify(invented("2025-08-20"))
			wantText(t, "older than fifteen months", d.seen(by, foreign), seesOnlyOwn)
			revise(d, n, invented("2025-08-21"))
			wantText(t, "fifteen months", d.seen(by, foreign), seesByOwnWork)
			n.Version = 2
			revise(d, n, invented("2020-08-21"))
			wantText(t, "dated back", d.seen(by, foreign), seesOnlyOwn)
		},
		"not yet final": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			var n implants.Receipt
			for _, save := range []implants.State{implants.Draft, implants.ToValidate} {
				var err error
				if n, err = d.saveImplantation(by(), save, invented("2026-11-20")); err != nil {
					t.Fatal(err)
				}
				wantText(t, string(save), d.seen(by, foreign), seesNothing)
			}
			if _, err := d.ValidateNotification(t.Context(), by(), implants.ValidateRequest{Reference: n.Reference, Version: 1}); err != nil {
				t.Fatal(err)
			}
			wantText(t, "validated", d.seen(by, foreign), seesByOwnWork)
		},
		"a removal": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			x := implants.Explantation{Specialist: bySSIN(dubois), SurgeryDate: day("2026-11-20"), Patient: leroy,
				Explants: []implants.Explant{{Unregistered: &line{Code: mesh, Quantity: 1}}}}
			n, err := d.NotifyExplant(t.Context(), by(), implants.SubmissionOptions{}, x)
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, "notified", d.seen(by, foreign), "2 1 2 1 true/true/true own operation")
			withdraw(d, n, 1)
			wantText(t, "withdrawn", d.seen(by, foreign), "1 0 0 0 false/false/false own notifications")
		},
		"one of two withdrawn": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			d.mustNotify(invented("2026-10-20"))
			n := d.mustNotify(invented("2026-11-20"))
			withdraw(d, n, 1)
			wantText(t, "the older one holds", d.seen(by, foreign), "3 2 2 1 true/true/true own operation")
		},
		"a relation of the source besides": func(t *testing.T) {
			t.Helper()
			d, foreign, by := setUp(t)
			d.mustNotify(invented("2026-11-20"))
			d.loadSources(implants.SourceEntries{Links: []platform.TherapeuticLink{
				{Patient: leroy, Professional: dubois, Type: "referral", Period: period("2026-11-21", "2026-11-21")}}})
			wantText(t, "both", d.seen(by, foreign), "2 2 2 1 true/true/true therapeutic relation: referral")
			d.now = d.now.AddDate(0, 0, 1)
			wantText(t, "the relation of the source has ended", d.seen(by, foreign), seesByOwnWork)
		},
		"inside the organisation": func(t *testing.T) {
			t.Helper()
			d, foreign, _ := setUp(t)
			n := d.mustNotify(invented("2026-11-20"))
			by := func() platform.Caller { return d.callerInside(clinic, dubois) }
			wantText(t, "notified", d.seen(by, foreign), seesByOwnWork)
			withdraw(d, n, 1)
			wantText(t, "withdrawn", d.seen(by, foreign), "1 0 0 0 false/false/false own notifications")
		},
		"search by implant": func(t *testing.T) {
			t.Helper()
			d, _, by := setUp(t)
			d.mustNotify(invented("2026-11-20"))
			found, err := d.Search(t.Context(), by(), implants.SearchRequest{Page: platform.Page{Limit: 10},
				Implant: &implants.ImplantCriteria{Code: knee}})
			if err != nil || found.Total != 1 || !found.Notifications[0].Own {
				t.Errorf("found %+v, %v", found, err)
			}
		},
		"nothing is stored": func(t *testing.T) {
			t.Helper()
			d, _, _ := setUp(t)
			d.mustNotify(invented("2026-11-20"))
			err := d.db.RunReadTx(t.Context(), func(r implants.Reader) error {
				links, err := r.TherapeuticLinks(leroy, dubois)
				if len(links) > 0 {
					t.Errorf("relations %+v", links)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// TestFindingH1OwnNotificationIsNotReviewed: a specialist who reads their own notification needs no relation, so its
// audit event is not among those that the operator reviews.
func TestFindingH1OwnNotificationIsNotReviewed(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Specialist = bySSIN(dubois)
	placed := d.mustNotify(n)
	d.newEvents()
	for _, ref := range []implants.NotificationRef{{Number: placed.Number}, {Reference: placed.Reference}} {
		if _, err := d.GetNotification(t.Context(), d.callerWithOwnKey(dubois), implants.NotificationRequest{Notification: ref}); err != nil {
			t.Fatal(err)
		}
		if e := d.singleEvent(); e.Reason != "own notifications" {
			t.Errorf("recorded as %+v", e)
		}
	}
}

// TestFindingH1RequiredRelationIsNotOnesOwn: where a relation is required, only one of the authentic source that is in
// force on the day of surgery counts, never one that an earlier notification made.
func TestFindingH1RequiredRelationIsNotOnesOwn(t *testing.T) {
	t.Parallel()
	d := newTestRegisterWith(t, true)
	n := implantation()
	n.Specialist = bySSIN(peeters) // whose relation with Leroy ended in 2022
	notify := func(on string) error {
		setSurgeryDate(&n, on)
		_, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(peeters), implants.SubmissionOptions{}, n)
		return err
	}
	for _, on := range []string{"2021-06-01", "2022-01-01", "2022-12-31"} {
		if err := notify(on); err != nil {
			t.Errorf("%s: %v", on, err)
		}
	}
	for _, on := range []string{"2018-12-31", "2023-01-01", "2023-01-02", "2026-11-20", "2026-11-21"} {
		wantCode(t, notify(on), authorization.LinkRequired)
	}
}
