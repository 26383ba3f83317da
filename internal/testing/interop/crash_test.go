package interop_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

const (
	crashCount       = 20
	crashClientCount = 16
)

// submission is a request that a client sent, and the number that was acknowledged or found later.
type submission struct {
	request *ctr.NotifyImplantRequest
	number  string // empty if not acknowledged
}

func (s *submission) serialNumber() string { return s.request.InputReference }

// crashTest is one database and its expected contents.
type crashTest struct {
	interop.TestDatabase

	t          *testing.T
	numbers    map[string]string // InputReference by notification number
	unanswered int               // submissions without a response
	stored     int               // unanswered submissions that were stored
}

// TestCrash kills the service repeatedly while clients call. Afterwards every acknowledged submission must be stored
// once, and every other at most once; after the client sends it again, it is stored exactly once.
func TestCrash(t *testing.T) {
	if os.Getenv("CTR_CRASH") == "" {
		t.Skip("takes minutes; run: make crash")
	}
	for name, open := range openDatabases() {
		t.Run(name, func(t *testing.T) {
			c := &crashTest{TestDatabase: open(t), t: t, numbers: map[string]string{}}
			var all, last []*submission
			for round := range crashCount {
				service := c.StartService(t)
				c.resolveAll(service, last)
				last = c.sendUntilKilled(service, round)
				all = append(all, last...)
			}
			service := c.StartService(t)
			c.resolveAll(service, last)
			c.recheckAll(service, all)
			if code := service.Stop(t); code != 0 {
				t.Errorf("the service ended with %d", code)
			}
			c.checkRowCounts(name, len(all))
			t.Logf("%d crashes: %d submissions, %d without an answer, of which %d were in the register", crashCount, len(all), c.unanswered, c.stored)
			if c.unanswered == 0 {
				t.Error("no crash interrupted anybody: this test proves nothing")
			}
		})
	}
}

// sendUntilKilled lets clients send at full speed and kills the service meanwhile. It returns the submissions.
func (c *crashTest) sendUntilKilled(service *interop.Service, round int) []*submission {
	patients := []string{"48022907379", "84061205236", "05041801691", "12451200933", "55230002134"}
	var (
		clients sync.WaitGroup
		mu      sync.Mutex
		sent    []*submission
		dead    atomic.Bool
	)
	acknowledged := make(chan struct{}, 1<<20) // never blocks a client
	ended := make(chan struct{})
	for i := range crashClientCount {
		caller := service.NewClient(c.t, interop.HospitalKey(c.t))
		clients.Go(func() {
			for n := 0; ; n++ {
				reference := fmt.Sprintf("CRASH-%d-%d-%d", round, i, n)
				s := &submission{request: interop.NewImplantation(reference, patients[(i+n)%len(patients)], reference)}
				err := c.sendSubmission(caller, s)
				mu.Lock()
				sent = append(sent, s)
				mu.Unlock()
				if err != nil {
					if !dead.Load() || !errors.Is(err, client.ErrUnreachable) {
						c.t.Errorf("%s: %v", reference, err)
					}
					return
				}
				acknowledged <- struct{}{}
			}
		})
	}
	go func() {
		clients.Wait()
		close(ended)
	}()
	for range 1 + 3*round*round { // a different moment in each round
		select {
		case <-acknowledged:
		case <-ended:
		}
	}
	dead.Store(true)
	service.Kill()
	<-ended
	return sent
}

// callUntilAdmitted is client.Call, but sends the request again while the service answers that it is overloaded and
// stored nothing, as it may on a slow machine.
func callUntilAdmitted[Q, R any](ctx context.Context, caller *client.Client, operation string, request *Q) (*R, error) {
	for {
		answer, err := client.Call[Q, R](ctx, caller, operation, request)
		refusal, isRefusal := errors.AsType[*soap.Refusal](err)
		if !isRefusal || len(refusal.Violations) == 0 || refusal.Violations[0].Code != "OVERLOADED" {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// sendSubmission signs and sends a submission, and stores the number.
func (c *crashTest) sendSubmission(caller *client.Client, s *submission) error {
	s.request.Header = interop.NewHeader()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	answer, err := callUntilAdmitted[ctr.NotifyImplantRequest, ctr.NotifyResponse](ctx, caller, "NotifyImplant", s.request)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if s.number != "" && s.number != answer.Receipt.NotificationNumber {
		return fmt.Errorf("acknowledged as %s, and now as %s", s.number, answer.Receipt.NotificationNumber)
	}
	s.number = answer.Receipt.NotificationNumber
	return nil
}

// resolveAll determines for each submission whether it was stored, and sends it again.
func (c *crashTest) resolveAll(service *interop.Service, sent []*submission) {
	var mu sync.Mutex
	c.forEachSubmission(service, sent, func(caller *client.Client, s *submission) error {
		answered := s.number != ""
		before, err := c.resolveSubmission(caller, s)
		mu.Lock()
		defer mu.Unlock()
		if !answered {
			c.unanswered++
			c.stored += before
		}
		if other, taken := c.numbers[s.number]; err == nil && taken && other != s.serialNumber() {
			err = fmt.Errorf("its number %s is also that of %s", s.number, other)
		}
		c.numbers[s.number] = s.serialNumber()
		return err
	})
}

// recheckAll searches for the submissions by their numbers.
func (c *crashTest) recheckAll(service *interop.Service, sent []*submission) {
	c.forEachSubmission(service, sent, func(caller *client.Client, s *submission) error {
		_, err := c.searchSubmission(caller, interop.CriteriaByNumber(s.number), s, 1, 1)
		return err
	})
}

// forEachSubmission calls do for every submission, concurrently.
func (c *crashTest) forEachSubmission(service *interop.Service, sent []*submission, do func(*client.Client, *submission) error) {
	var clients sync.WaitGroup
	next := make(chan *submission, len(sent))
	for _, s := range sent {
		next <- s
	}
	close(next)
	for range crashClientCount {
		caller := service.NewClient(c.t, interop.HospitalKey(c.t))
		clients.Go(func() {
			for s := range next {
				if err := do(caller, s); err != nil {
					c.t.Errorf("%s: %v", s.serialNumber(), err)
				}
			}
		})
	}
	clients.Wait()
}

// resolveSubmission returns the number of stored notifications before it sends the submission again: 1, or 0 if the
// submission was never acknowledged.
func (c *crashTest) resolveSubmission(caller *client.Client, s *submission) (before int, err error) {
	if s.number != "" {
		if before, err = c.searchSubmission(caller, interop.CriteriaByNumber(s.number), s, 1, 1); err != nil {
			return 0, fmt.Errorf("acknowledged, by its number: %w", err)
		}
	}
	// An acknowledged submission must be stored once, any other at most once.
	if before, err = c.searchSubmission(caller, interop.CriteriaBySerial(s.serialNumber()), s, before, 1); err != nil {
		return 0, fmt.Errorf("after the crash, by its serial number: %w", err)
	}
	if err = c.sendSubmission(caller, s); err != nil {
		return 0, err
	}
	if _, err = c.searchSubmission(caller, interop.CriteriaBySerial(s.serialNumber()), s, 1, 1); err != nil {
		return 0, fmt.Errorf("after it was sent again: %w", err)
	}
	return before, nil
}

// searchSubmission searches for a submission, which must be found minCount to maxCount times with its known number.
// If the number is unknown, it stores the found one, so that a later receipt must agree with it.
func (c *crashTest) searchSubmission(caller *client.Client, criteria ctr.SearchCriteria, s *submission, minCount, maxCount int) (int, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	found, err := callUntilAdmitted[ctr.SearchRequest, ctr.SearchResponse](
		ctx, caller, "Search", interop.NewSearchRequest(criteria))
	if err != nil {
		return 0, err
	}
	if found.Total < minCount || found.Total > maxCount || found.Total != len(found.Notification) {
		return 0, fmt.Errorf("found %d times", found.Total)
	}
	for _, n := range found.Notification {
		if s.number == "" {
			s.number = n.NotificationNumber
		}
		if n.NotificationNumber != s.number || n.Patient != s.request.Implantation.Patient {
			return 0, fmt.Errorf("its number is %s, and %s is found", s.number, n.NotificationNumber)
		}
	}
	return found.Total, nil
}

// checkRowCounts requires one row per submission in each table, and for SQLite an intact file.
func (c *crashTest) checkRowCounts(engine string, want int) {
	db := c.OpenRaw(c.t)
	for _, counted := range []string{
		`SELECT count(*) FROM notification`, `SELECT count(DISTINCT number) FROM notification`, `SELECT count(*) FROM implant`, `SELECT count(*) FROM submission`,
	} {
		var got int
		if err := db.QueryRowContext(c.t.Context(), counted).Scan(&got); err != nil || got != want {
			c.t.Errorf("%s: %d, %v; there were %d submissions", counted, got, err, want)
		}
	}
	if len(c.numbers) != want {
		c.t.Errorf("%d numbers for %d submissions", len(c.numbers), want)
	}
	if engine != "SQLite" {
		return
	}
	var verdict string
	if err := db.QueryRowContext(c.t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		c.t.Errorf("PRAGMA integrity_check: %s, %v", verdict, err)
	}
}
