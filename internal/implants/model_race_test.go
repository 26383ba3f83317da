package implants_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// racingCallers callers change the same notifications at the same time, attemptsPerCaller times each.
const (
	racingCallers     = 8
	attemptsPerCaller = 25
)

// raceLog collects the results of a race.
type raceLog struct {
	mu       sync.Mutex
	receipts []implants.Receipt
	refused  int
	failed   []error // errors that are not refusals
	byInput  map[string][]ident.NotificationNumber
}

func (m *raceLog) addResult(input string, receipt implants.Receipt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		if input != "" {
			m.byInput[input] = append(m.byInput[input], receipt.Number)
		}
		m.receipts = append(m.receipts, receipt)
	case problem.From(err).Kind == problem.Internal || problem.From(err).Kind == problem.Unavailable:
		m.failed = append(m.failed, err)
	default:
		m.refused++
	}
}

// randomTarget returns the last receipt of a random accepted notification.
func (m *raceLog) randomTarget(r *rand.Rand, kind implants.SurgeryType) implants.Receipt {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := slices.DeleteFunc(slices.Clone(m.receipts), func(n implants.Receipt) bool { return n.Type != kind })
	if len(of) == 0 {
		return implants.Receipt{}
	}
	return of[max(0, len(of)-1-r.IntN(6))]
}

// TestModelRaces lets several callers change the same few notifications at once. Any of them may win; but nothing is
// removed twice, no version and no number is assigned twice, and every attempt is recorded.
func TestModelRaces(t *testing.T) {
	t.Parallel()
	runOnEngines(t, func(t *testing.T, backend func(testing.TB) storetest.Backend) {
		t.Helper()
		h, end := newModelRun(t, backend(t))
		defer end()
		all := &raceLog{byInput: map[string][]ident.NotificationNumber{}}
		for i := range 3 {
			n := implantation()
			n.Implants = append(n.Implants, implants.NotifiedImplant{Code: mesh, Quantity: 4, Serial: fmt.Sprint("S", i)})
			all.addResult("", h.mustNotify(n), nil)
		}
		h.newEvents()
		callers := make(chan platform.Caller, racingCallers*attemptsPerCaller) // made in advance: testRegister is not safe for concurrent use
		for range cap(callers) {
			callers <- h.callerWithOwnKey(claes)
		}
		var group sync.WaitGroup
		for i := range racingCallers {
			group.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 4))
				for range attemptsPerCaller {
					h.raceOnce(r, <-callers, all)
				}
			})
		}
		group.Wait()
		for _, err := range all.failed {
			t.Error(err)
		}
		h.checkAfterRace(t, all)
		t.Logf("%d accepted, %d refused", len(all.receipts), all.refused)
	})
}

// raceOnce makes one attempt on a notification that others change too.
func (h *modelRun) raceOnce(r *rand.Rand, c platform.Caller, all *raceLog) {
	ctx := h.tb.Context()
	placed, removed := all.randomTarget(r, implants.TypeImplantation), all.randomTarget(r, implants.TypeExplantation)
	line := placed.AffectedImplants[r.IntN(len(placed.AffectedImplants))]
	x := implants.Explantation{Specialist: bySSIN(claes), SurgeryDate: day("2026-11-21"), Patient: placed.Patient,
		Explants: []implants.Explant{{ImplantID: line.ID, Quantity: r.IntN(3)}}}
	switch r.IntN(6) {
	case 0: // the same submission from many callers
		input := fmt.Sprint("input-", r.IntN(3))
		n := implantation()
		n.Comment = input
		receipt, err := h.NotifyImplant(ctx, c, implants.SubmissionOptions{InputReference: input}, n)
		all.addResult(input, receipt, err)
	case 1, 2:
		receipt, err := h.NotifyExplant(ctx, c, implants.SubmissionOptions{}, x)
		all.addResult("", receipt, err)
	case 3:
		n := implantation()
		n.Implants = nil
		for _, l := range placed.AffectedImplants {
			n.Implants = append(n.Implants, l.NotifiedImplant)
		}
		if r.IntN(2) == 0 {
			n.Implants[r.IntN(len(n.Implants))].Quantity = 1 + r.IntN(4)
		}
		if r.IntN(4) == 0 {
			n.Patient = nguyen
		}
		receipt, err := h.ReviseNotification(ctx, c, implants.ReviseRequest{Notification: implants.NotificationRef{Number: placed.Number}, Version: placed.Version, Implantation: &n})
		all.addResult("", receipt, err)
	case 4:
		if removed.Reference != "" {
			receipt, err := h.ReviseNotification(ctx, c, implants.ReviseRequest{Notification: implants.NotificationRef{Number: removed.Number}, Version: removed.Version, Explantation: &x})
			all.addResult("", receipt, err)
			return
		}
		fallthrough
	default:
		of := placed
		if removed.Reference != "" && r.IntN(4) > 0 {
			of = removed
		}
		receipt, err := h.DiscardNotification(ctx, c, implants.DiscardRequest{Notification: implants.NotificationRef{Number: of.Number}, Version: of.Version, Reason: "raced"})
		receipt.AffectedImplants = of.AffectedImplants
		all.addResult("", receipt, err)
	}
}

// checkAfterRace checks what must hold after any race.
func (h *modelRun) checkAfterRace(t *testing.T, all *raceLog) {
	t.Helper()
	ctx := t.Context()
	events := h.newEvents()
	attempts := map[string]bool{} // an attempt may have two events: a revision that changes the patient
	for _, e := range events {
		attempts[e.Correlation] = true
	}
	if len(attempts) != racingCallers*attemptsPerCaller {
		t.Errorf("%d of %d attempts are recorded", len(attempts), racingCallers*attemptsPerCaller)
	}
	for input, numbers := range all.byInput {
		if len(slices.Compact(numbers)) != 1 {
			t.Errorf("%s was registered as %v", input, numbers)
		}
	}
	numbers := map[ident.NotificationNumber]string{}
	versions := map[string]map[int]bool{}
	for _, n := range all.receipts {
		if reference, known := numbers[n.Number]; known && reference != n.Reference {
			t.Errorf("number %s was given twice", n.Number)
		}
		numbers[n.Number] = n.Reference
		if versions[n.Reference] == nil {
			versions[n.Reference] = map[int]bool{}
		}
		versions[n.Reference][n.Version] = true
	}
	quantity, taken, whose := map[string]int{}, map[string]int{}, map[string]ident.SSIN{}
	var removals []implants.Notification
	for reference, of := range versions {
		got, err := h.GetNotification(ctx, h.callerWithOwnKey(claes), implants.NotificationRequest{Notification: implants.NotificationRef{Reference: reference}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Version != len(of) || len(got.History) != len(of) {
			t.Errorf("%s: version %d, %d in the history, %d receipts", reference, got.Version, len(got.History), len(of))
		}
		for i, revision := range got.History {
			if revision.Version != i+1 || !of[i+1] {
				t.Errorf("%s: version %d in place %d", reference, revision.Version, i+1)
			}
		}
		if got.State != implants.Final {
			continue
		}
		for _, i := range got.Implants {
			quantity[i.ID], whose[i.ID] = i.Quantity, got.Patient
		}
		if got.Type == implants.TypeExplantation {
			removals = append(removals, got.Notification)
		}
	}
	for _, n := range removals {
		for _, r := range n.Removals {
			taken[r.ImplantID] += r.Quantity
			if whose[r.ImplantID] != n.Patient || r.Quantity < 1 {
				t.Errorf("%s takes %d of %s, which is not in its patient", n.Number, r.Quantity, r.ImplantID)
			}
		}
	}
	left := map[string]int{}
	for _, patient := range []ident.SSIN{leroy, nguyen} {
		for id, remaining := range h.remainingByImplant(patient) {
			left[id] = remaining
		}
	}
	for id, placed := range quantity {
		if remain := placed - taken[id]; remain < 0 || remain != left[id] {
			t.Errorf("%d of %s were placed and %d removed: %d remain", placed, id, taken[id], left[id])
		}
		delete(left, id)
	}
	if len(left) > 0 {
		t.Errorf("carried without a notification: %v", left)
	}
}
