package implants_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/people"
)

// inEmergency reads a patient's data in an emergency, by each of the four reads in turn, and returns what was refused.
func (d *testRegister) inEmergency(who platform.Caller, patient ident.SSIN, reason string) []string {
	d.tb.Helper()
	_, err := d.Search(d.tb.Context(), who, implants.SearchRequest{Page: platform.Page{Limit: 1}, Patient: patient,
		EmergencyClaim: claimFor(reason, ident.SSIN{})})
	return formatRefusals(err)
}

// TestFindingM9ReasonMustTell: a reason says something to whoever reviews it.
func TestFindingM9ReasonMustTell(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	for reason, isTelling := range map[string]bool{
		"aaaaaaaaaa": false, "AaAaAaAaAa": false, strings.Repeat("a ", 10): false, "a.a.a.a.a.a.a.a": false, "..........": false,
		"----------a": false, "          ": false, "short": false, "x        y        ": false, "1111111111": false,
		"a\u200ba\u200ba\u200ba\u200ba\u200ba": false, "\u00e9\u00c9\u00e9\u00c9\u00e9\u00c9\u00e9\u00c9\u00e9\u00c9": false,
		"nine char": false, strings.Repeat("ab", 100) + "c": false,
		"ten chars.": true, "unconscious after an accident": true, strings.Repeat("ab", 100): true,
		"\u610f\u8b58\u4e0d\u660e\u3001\u4ea4\u901a\u4e8b\u6545\u5f8c": true,
	} {
		want := []string{"EMERGENCY_REASON_BLANK at EmergencyReason"}
		if isTelling {
			want = nil
		}
		wantStrings(t, reason, d.inEmergency(d.callerWithOwnKey(dubois), leroy, reason), want)
		if e := d.newEvents(); len(e) != 1 || (e[0].Outcome == platform.OutcomeAccepted) != isTelling {
			t.Errorf("%q: recorded as %+v", reason, e)
		}
	}
}

// TestFindingM9OneReasonForOnePatient: the same text, also in another writing, is not accepted for a second patient of the
// day.
func TestFindingM9OneReasonForOnePatient(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	by := func() platform.Caller { return d.callerWithOwnKey(dubois) }
	const reused = "EMERGENCY_REASON_REUSED at EmergencyReason"
	wantStrings(t, "first", d.inEmergency(by(), leroy, "found unconscious"), nil)
	wantStrings(t, "again, for the same patient", d.inEmergency(by(), leroy, "found unconscious"), nil)
	d.newEvents()
	for _, same := range []string{"found unconscious", "Found  Unconscious", " FOUND UNCONSCIOUS. ", "found-unconscious", "found\u00a0unconscious", "f o u n d unconscious!"} {
		wantStrings(t, same, d.inEmergency(by(), vanDam, same), []string{reused})
		if e := d.singleEvent(); e.Outcome != platform.OutcomeRefused || e.Patient != vanDam || e.EmergencyReason != same {
			t.Errorf("recorded as %+v", e)
		}
	}
	wantStrings(t, "another reason", d.inEmergency(by(), vanDam, "found unconscious, too"), nil)
	wantStrings(t, "of the second patient", d.inEmergency(by(), leroy, "Found unconscious too"), []string{reused})
	wantStrings(t, "by another doctor", d.inEmergency(d.callerWithOwnKey(lambert), vanDam, "found unconscious"), nil)
	wantStrings(t, "inside the clinic it is the same doctor", d.inEmergency(d.callerInside(clinic, dubois), nguyen, "found unconscious"), []string{reused})
	d.now = d.now.AddDate(0, 0, 1)
	wantStrings(t, "on the next day", d.inEmergency(by(), vanDam, "found unconscious"), nil)
}

// TestFindingM9NumberNeedsPatient: a notification number, which can be counted, opens nothing in an emergency unless the
// patient is named beside it.
func TestFindingM9NumberNeedsPatient(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	draft, err := d.saveImplantation(d.callerWithOwnKey(claes), implants.Draft, implantation())
	if err != nil {
		t.Fatal(err)
	}
	by := func() platform.Caller { return d.callerWithOwnKey(dubois) }
	reads := map[string]func(number ident.NotificationNumber, e implants.EmergencyClaim) error{
		"search": func(number ident.NotificationNumber, e implants.EmergencyClaim) error {
			found, failed := d.Search(t.Context(), by(), implants.SearchRequest{Page: platform.Page{Limit: 1}, Number: number, EmergencyClaim: e})
			if failed == nil && found.Total == 0 {
				return problem.New("NOTIFICATION_NOT_FOUND") // as the other reads say it
			}
			return failed
		},
		"card": func(number ident.NotificationNumber, e implants.EmergencyClaim) error {
			_, failed := d.GetImplantCard(t.Context(), by(), implants.CardRequest{Number: number, EmergencyClaim: e})
			return failed
		},
		"notification": func(number ident.NotificationNumber, e implants.EmergencyClaim) error {
			_, failed := d.GetNotification(t.Context(), by(), implants.NotificationRequest{
				Notification: implants.NotificationRef{Number: number}, EmergencyClaim: e})
			return failed
		},
		"by reference": func(number ident.NotificationNumber, e implants.EmergencyClaim) error {
			ref := implants.NotificationRef{Reference: placed.Reference}
			if number != placed.Number {
				ref.Reference = "none"
			}
			_, failed := d.GetNotification(t.Context(), by(), implants.NotificationRequest{Notification: ref, EmergencyClaim: e})
			return failed
		},
	}
	const reason, required = "found unconscious", "EMERGENCY_PATIENT_REQUIRED at EmergencyPatient"
	public := func(err error) string {
		return strings.ReplaceAll(strings.Join(formatRefusals(err), ", "), "WITHHELD", "NOT_FOUND")
	}
	for name, read := range reads {
		absent := mustNumber(t, "2020-09-30", 36330)
		d.newEvents()
		wantText(t, name+" without the patient", public(read(placed.Number, claimFor(reason, ident.SSIN{}))), required)
		wantText(t, name+" of an absent one without the patient", public(read(absent, claimFor(reason, ident.SSIN{}))), required)
		for i, e := range d.newEvents() {
			if e.Outcome != platform.OutcomeRefused || !e.Patient.IsZero() || e.EmergencyReason != "" {
				t.Errorf("%s: event %d: %+v", name, i, e)
			}
		}
		const found, notFound = "", "NOTIFICATION_NOT_FOUND"
		for _, c := range []struct {
			what    string
			number  ident.NotificationNumber
			patient ident.SSIN
			want    string
		}{
			{"with the patient", placed.Number, leroy, found},
			{"with another patient", placed.Number, vanDam, notFound},
			{"of an absent one", absent, leroy, notFound},
			{"of an absent one, with another patient", absent, vanDam, notFound},
		} {
			wantText(t, name+" "+c.what, public(read(c.number, claimFor(reason+" "+c.patient.Digits(), c.patient))), c.want)
			if e := d.singleEvent(); e.Patient != c.patient || e.EmergencyReason == "" {
				t.Errorf("%s %s: recorded as %+v", name, c.what, e) // the patient who was named sees it
			}
		}
	}
	// An emergency opens no draft: it is not the patient's data yet.
	_, err = d.GetNotification(t.Context(), by(), implants.NotificationRequest{
		Notification: implants.NotificationRef{Reference: draft.Reference}, EmergencyClaim: claimFor(reason, leroy)})
	wantCode(t, err, "NOTIFICATION_WITHHELD")
	// Where the request names the patient, another one beside it is a contradiction.
	_, err = d.Search(t.Context(), by(), implants.SearchRequest{Page: platform.Page{Limit: 1}, Patient: leroy, EmergencyClaim: claimFor(reason, vanDam)})
	wantStrings(t, "two patients", formatRefusals(err), []string{required})
	_, err = d.Search(t.Context(), by(), implants.SearchRequest{Page: platform.Page{Limit: 1}, Patient: leroy, EmergencyClaim: claimFor(reason+"!!", leroy)})
	wantStrings(t, "the same patient twice", formatRefusals(err), nil)
}

// TestFindingM9WaitGrows: beyond ten patients a day each further one opens after a wait that grows. The wait runs by the
// clock: asking again neither shortens nor prolongs it, and no emergency is refused for good.
func TestFindingM9WaitGrows(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	by := func() platform.Caller { return d.callerWithOwnKey(dubois) }
	patient := func(i int) ident.SSIN { return people.MustSSIN(validSSIN(t, i)) }
	ask := func(i int) error {
		_, err := d.Search(t.Context(), by(), implants.SearchRequest{Page: platform.Page{Limit: 1}, Patient: patient(i),
			EmergencyClaim: claimFor(fmt.Sprintf("found unconscious, case %d", i), ident.SSIN{})})
		return err
	}
	wait := func(what string, i int, want string) {
		t.Helper()
		err := ask(i)
		wantCode(t, err, "EMERGENCY_WAIT")
		if got := problem.From(err).Detail.String(); !strings.HasSuffix(got, ", in "+want+" s") {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	for i := range 10 {
		if err := ask(i); err != nil {
			t.Fatalf("patient %d: %v", i, err)
		}
	}
	d.newEvents()
	wait("the eleventh", 10, "10")
	if e := d.singleEvent(); e.Outcome != platform.OutcomeRefused || e.Patient != patient(10) || e.EmergencyReason == "" {
		t.Errorf("recorded as %+v", e)
	}
	if err := ask(3); err != nil {
		t.Errorf("a patient who is open stays open: %v", err)
	}
	d.now = d.now.Add(4 * time.Second)
	wait("asked again", 10, "6")
	wait("the twelfth", 11, "20")
	d.now = d.now.Add(5*time.Second + 999*time.Millisecond)
	wait("just before", 10, "1")
	d.now = d.now.Add(time.Millisecond)
	if err := ask(10); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	for i, want := range []string{"40", "80", "160", "300", "300", "300"} {
		wait("the next", 12+i, want)
	}
	d.now = d.now.Add(5 * time.Minute)
	for i := 10; i < 18; i++ {
		if err := ask(i); err != nil {
			t.Errorf("patient %d after the longest wait: %v", i, err)
		}
	}
	d.now = d.now.AddDate(0, 0, 1)
	if err := ask(18); err != nil {
		t.Errorf("on the next day: %v", err)
	}
	if entry, _ := problem.Lookup("EMERGENCY_WAIT"); !entry.Retry || !entry.Alarm {
		t.Errorf("a wait is %+v", entry)
	}
}

// validSSIN returns the number of a person born in 1950, the i-th of that day.
func validSSIN(t *testing.T, i int) string {
	t.Helper()
	nine := fmt.Sprintf("500101%03d", i+1)
	var n int
	if _, err := fmt.Sscan(strings.TrimLeft(nine, "0"), &n); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s%02d", nine, 97-n%97)
}

// TestFindingM9OtherNodesAndRestarts: the count and the wait hold on every node, and survive a restart.
func TestFindingM9OtherNodesAndRestarts(t *testing.T) {
	t.Parallel()
	runOnRegisters(t, func(t *testing.T, nodes []*testRegister) {
		t.Helper()
		ask := func(node, i int) []string {
			return nodes[node].inEmergency(nodes[node].callerWithOwnKey(dubois), people.MustSSIN(validSSIN(t, i)), fmt.Sprintf("found unconscious, case %d", i))
		}
		for i := range 10 {
			wantStrings(t, "open", ask(i%2, i), nil)
		}
		wantStrings(t, "the eleventh, on the first node", ask(0, 10), []string{"EMERGENCY_WAIT"})
		wantStrings(t, "on the second", ask(1, 10), []string{"EMERGENCY_WAIT"})
		wantStrings(t, "a used reason on the other node", nodes[1].inEmergency(nodes[1].callerWithOwnKey(dubois), leroy, "found unconscious, case 0"),
			[]string{"EMERGENCY_REASON_REUSED at EmergencyReason"})
		for _, n := range nodes {
			n.now = n.now.Add(10 * time.Second)
		}
		wantStrings(t, "after the wait, on the second", ask(1, 10), nil)
		wantStrings(t, "and on the first", ask(0, 10), nil)
	})
}
