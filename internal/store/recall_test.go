package store_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// expectedRegister is a model of the database: it holds what was stored.
type expectedRegister struct {
	random   *rand.Rand
	running  uint64
	versions []implants.Notification // the newest version of each notification
}

var recallDevices = map[string][]string{ // codes with their device identifiers
	"000071200176": {"05410000001047", "05410000001054"},
	"000060479203": {"05410000001283"},
}

const (
	unlistedDI = "05419999999991"
	listedCode = "000071200176"
)

// TestRecallAgrees compares recalls and statistics with a naive count over random histories.
func TestRecallAgrees(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testRecallAgrees(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testRecallAgrees(t, storetest.NewPostgresBackends(t)(t)) })
}

func testRecallAgrees(t *testing.T, b storetest.Backend) {
	t.Helper()
	db := b.Open(t)
	all := implants.SourceEntries{Organisations: []platform.Organisation{{NIHII: people.Hospital, Type: "Hospital", Name: "Hospital One"}}}
	for code, dis := range recallDevices {
		all.Devices = append(all.Devices, implants.Device{Code: people.MustCode(code), Name: "Device " + code, UDIDIs: dis,
			Category: "Orthopaedic " + code[10:], Status: implants.DeviceActive})
	}
	for n := range int64(4) {
		all.Persons = append(all.Persons, platform.Person{SSIN: testSSIN(n), FirstName: "Ada", LastName: fmt.Sprint("Surgeon", n)})
	}
	if err := db.LoadSources(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	l := &expectedRegister{random: rand.New(rand.NewPCG(7, 11))}
	for range 400 {
		n := l.makeVersion()
		if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) }); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for name, q := range recallQueries() {
		recall, err := db.Recall(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found += len(recall.Lines)
		want := l.expectedRecall(&q)
		if got := recallSummary(recall); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, want)
		}
		for _, respelled := range respellQuery(q) {
			recall, err := db.Recall(t.Context(), respelled)
			if err != nil {
				t.Fatalf("%s as %+v: %v", name, respelled, err)
			}
			if got := recallSummary(recall); !reflect.DeepEqual(got, want) {
				t.Errorf("%s as %+v:\ngot  %v\nwant %v", name, respelled, got, want)
			}
		}
	}
	if found < 500 {
		t.Errorf("%d lines found in all", found)
	}
	for _, by := range implants.AllGroupings() {
		for _, q := range []implants.StatisticsQuery{{GroupBy: by}, {GroupBy: by, From: dayAfterStart(10), To: dayAfterStart(40)}} {
			got, err := db.Statistics(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if want := l.expectedStatistics(q); !reflect.DeepEqual(formatStatistics(got), want) {
				t.Errorf("by %s from %s:\ngot  %v\nwant %v", by, q.From, formatStatistics(got), want)
			}
		}
	}
}

func dayAfterStart(n int) ident.Date { return people.MustDate("2026-09-01").AddDays(n) }

func (l *expectedRegister) pickOne(texts ...string) string { return texts[l.random.IntN(len(texts))] }

// makeVersion makes a new notification or the next version of one.
func (l *expectedRegister) makeVersion() implants.Notification {
	var n implants.Notification
	switch choice := l.random.IntN(10); {
	case choice < 5 || len(l.versions) < 20:
		n = l.newImplantation()
	case choice == 5:
		n = l.newUnregistered()
	case choice == 6:
		return l.reviseOrWithdraw()
	default:
		var ok bool
		if n, ok = l.newExplantation(); !ok {
			n = l.newImplantation()
		}
	}
	l.versions = append(l.versions, n)
	return n
}

func (l *expectedRegister) newNotification() implants.Notification {
	l.running++
	specialist := testSSIN(l.random.Int64N(4))
	on := dayAfterStart(l.random.IntN(60))
	n := implants.Notification{Reference: fmt.Sprint("reference-", l.running), Version: 1, State: implants.Final, SurgeryDate: on,
		Type: implants.TypeImplantation, Specialist: platform.ProfessionalRef{SSIN: specialist}, Patient: testSSIN(100 + l.random.Int64N(15)),
		Author: specialist, RegisteredAt: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		Organisation: people.MustNIHII(l.pickOne("71000436", "71022212"))}
	if l.random.IntN(12) == 0 {
		n.State = implants.Draft
		return n
	}
	n.Number = people.Must(func(string) (ident.NotificationNumber, error) {
		return ident.NewNotificationNumber(on.AddDays(l.random.IntN(1+l.random.IntN(100))), l.running)
	}, "")
	return n
}

func (l *expectedRegister) newLine(n *implants.Notification, i int) implants.Implant {
	line := implants.Implant{ID: fmt.Sprintf("%s-%d-%d", n.Reference, n.Version, i)}
	line.Quantity = 1 + l.random.IntN(4)
	line.Lot = l.pickOne("", "L98", "L99", "L100", "L 101", "L9900", " M1", "L99 ")
	if l.random.IntN(2) == 0 {
		line.Quantity, line.Serial = 1, fmt.Sprintf("S%d", 1+l.random.IntN(20))
	}
	code := l.pickOne("", listedCode, "000060479203")
	line.UDIDI = l.pickOne("", "05410000001047", "05410000001283", unlistedDI)
	if code == "" && line.UDIDI == "" {
		code = listedCode
	}
	if code != "" {
		line.Code = people.MustCode(code)
	}
	return line
}

func (l *expectedRegister) newImplantation() implants.Notification {
	n := l.newNotification()
	for i := range 1 + l.random.IntN(3) {
		n.Implants = append(n.Implants, l.newLine(&n, i))
	}
	return n
}

// newUnregistered returns an explantation of an implant that was implanted elsewhere.
func (l *expectedRegister) newUnregistered() implants.Notification {
	n := l.newNotification()
	n.Type = implants.TypeExplantation
	line := l.newLine(&n, 0)
	line.Unregistered = true
	n.Implants = []implants.Implant{line}
	n.Removals = []implants.Removal{{ImplantID: line.ID, Quantity: line.Quantity}}
	return n
}

func (l *expectedRegister) newExplantation() (implants.Notification, bool) {
	of := l.versions[l.random.IntN(len(l.versions))]
	if of.State != implants.Final || of.Type != implants.TypeImplantation || len(of.Implants) == 0 {
		return implants.Notification{}, false
	}
	line := of.Implants[l.random.IntN(len(of.Implants))]
	left := line.Quantity - l.removedQuantity(line.ID)
	if left == 0 {
		return implants.Notification{}, false
	}
	n := l.newNotification()
	n.Type, n.Patient = implants.TypeExplantation, of.Patient
	n.Removals = []implants.Removal{{ImplantID: line.ID, Quantity: 1 + l.random.IntN(left)}}
	return n, true
}

// reviseOrWithdraw makes the next version of a random final notification, but not of an implantation with explanted
// pieces.
func (l *expectedRegister) reviseOrWithdraw() implants.Notification {
	i := l.random.IntN(len(l.versions))
	for l.versions[i].State != implants.Final || slices.ContainsFunc(l.versions[i].Implants, func(line implants.Implant) bool {
		return !line.Unregistered && l.removedQuantity(line.ID) > 0
	}) {
		i = l.random.IntN(len(l.versions))
	}
	n := l.versions[i]
	n.Version++
	n.Implants = slices.Clone(n.Implants)
	if l.random.IntN(3) == 0 {
		n.State = implants.Withdrawn
	} else if n.Type == implants.TypeImplantation {
		n.Implants = append(n.Implants[1:], l.newLine(&n, 9))
	}
	l.versions[i] = n
	return n
}

func (l *expectedRegister) removedQuantity(id string) int {
	sum := 0
	for _, n := range l.versions {
		for _, r := range n.Removals {
			if n.State == implants.Final && r.ImplantID == id {
				sum += r.Quantity
			}
		}
	}
	return sum
}

func recallQueries() map[string]implants.RecallQuery {
	code := people.MustCode(listedCode)
	lots, serials := implants.Range{From: "L98", To: "L101"}, implants.Range{From: "S3", To: "S12"}
	one := implants.Range{From: "L99", To: "L99"}
	return map[string]implants.RecallQuery{
		"code":                      {Code: code},
		"code in a period":          {Code: code, From: dayAfterStart(10), To: dayAfterStart(40)},
		"device identifier":         {UDIDI: "05410000001047"},
		"unlisted identifier":       {UDIDI: unlistedDI},
		"other identifier":          {UDIDI: "05410000001054"},
		"code and identifier":       {Code: code, UDIDI: "05410000001047"},
		"lot":                       {Lots: one},
		"lots":                      {Lots: lots},
		"lots of a code":            {Lots: lots, Code: code},
		"lots of an identifier":     {Lots: lots, UDIDI: "05410000001047", From: dayAfterStart(5)},
		"serial":                    {Serials: implants.Range{From: "S7", To: "S7"}},
		"serials":                   {Serials: serials},
		"serials of lots of a code": {Serials: serials, Lots: lots, Code: code, To: dayAfterStart(50)},
		"nothing there":             {Lots: implants.Range{From: "nothing", To: "nothing"}},
	}
}

// respellQuery returns the query in other spellings, which must find the same.
func respellQuery(q implants.RecallQuery) []implants.RecallQuery {
	spread := func(s string) string { return " " + strings.Join(strings.Split(s, ""), "\u00a0") + " " }
	var all []implants.RecallQuery
	for _, respell := range []func(string) string{
		func(di string) string { return di[1:] },
		func(di string) string { return "(01)" + di },
		func(di string) string { return "(01)" + di[1:] + "(17)291231" },
		func(di string) string { return "]d201" + di + "10L1^21S1" },
		func(di string) string { return di[:4] + "-" + di[4:] + " " },
	} {
		other := q
		if q.UDIDI != "" {
			other.UDIDI = respell(q.UDIDI)
		}
		if !q.Lots.IsZero() {
			other.Lots = implants.Range{From: spread(q.Lots.From), To: " " + q.Lots.To}
		}
		if !q.Serials.IsZero() {
			other.Serials = implants.Range{From: q.Serials.From + "\t", To: spread(q.Serials.To)}
		}
		all = append(all, other)
	}
	return all
}

// recallSummary formats a recall as text: each line, then the counts.
func recallSummary(r *implants.RecallResult) []string {
	counts := fmt.Sprint(r.Implanted, r.Explanted, r.StillImplanted, r.Unregistered, r.Patients, r.Notifications, r.Hospitals, r.Specialists)
	var lines []string
	for _, l := range r.Lines {
		lines = append(lines, fmt.Sprint(l.Number, l.SpecialistName, l.Hospital, l.SurgeryDate, l.Code, l.UDIDI, l.Lot, l.Serial, l.Quantity, l.Remaining,
			l.Unregistered))
	}
	slices.Sort(lines)
	return append(lines, counts)
}

// matchesQuery is a second implementation of a recall's condition.
func matchesQuery(q *implants.RecallQuery, n *implants.Notification, line *implants.Implant) bool {
	code, di := q.Code.Digits(), q.UDIDI
	byCode := code == "" || line.Code.Digits() == code || line.Code.IsZero() && slices.Contains(recallDevices[code], line.UDIDI)
	byDI := di == "" || line.UDIDI == di || line.UDIDI == "" && slices.Contains(recallDevices[line.Code.Digits()], di)
	return byCode && byDI && q.Lots.Contains(strings.ReplaceAll(line.Lot, " ", "")) && q.Serials.Contains(line.Serial) && !n.SurgeryDate.Before(q.From) && (q.To.IsZero() || !n.SurgeryDate.After(q.To))
}

func (l *expectedRegister) expectedRecall(q *implants.RecallQuery) []string {
	r := &implants.RecallResult{}
	distinct := [4]map[string]bool{{}, {}, {}, {}}
	for i := range l.versions {
		n := &l.versions[i]
		for j := range n.Implants {
			line := &n.Implants[j]
			if n.State != implants.Final || !matchesQuery(q, n, line) {
				continue
			}
			left := line.Quantity - l.removedQuantity(line.ID)
			if line.Unregistered {
				r.Unregistered += line.Quantity
			} else {
				r.Implanted += line.Quantity
				r.StillImplanted += left
				r.Explanted += line.Quantity - left
			}
			for k, text := range []string{n.Patient.Digits(), n.Number.Digits(), n.Organisation.Digits(), n.Specialist.SSIN.Digits()} {
				distinct[k][text] = true
			}
			name := map[ident.SSIN]string{testSSIN(0): "Ada Surgeon0", testSSIN(1): "Ada Surgeon1", testSSIN(2): "Ada Surgeon2", testSSIN(3): "Ada Surgeon3"}
			r.Lines = append(r.Lines, implants.RecalledLine{Number: n.Number, SpecialistName: name[n.Specialist.SSIN], Hospital: n.Organisation,
				SurgeryDate: n.SurgeryDate, Code: line.Code, UDIDI: line.UDIDI, Lot: line.Lot, Serial: line.Serial, Quantity: line.Quantity,
				Remaining: left, Unregistered: line.Unregistered})
		}
	}
	r.Patients, r.Notifications, r.Hospitals, r.Specialists = len(distinct[0]), len(distinct[1]), len(distinct[2]), len(distinct[3])
	return recallSummary(r)
}
