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
	"github.com/openctr/ctr/internal/interop"
	"github.com/openctr/ctr/internal/wire"
)

const (
	crashes        = 20
	crashedClients = 16
)

// submission is a request that a client sent, and the number that was acknowledged or found later.
type submission struct {
	request *wire.NotifyImplantRequest
	number  string // empty if not acknowledged
}

func (s *submission) serial() string { return s.request.InputReference }

// crashTest is one database and its expected contents.
type crash struct {
	interop.Place

	t         *testing.T
	numbers   map[string]string // InputReference by notification number
	unsettled int               // submissions without a response
	survived  int               // unanswered submissions that were stored
}

// TestCrash kills the service repeatedly while clients call. Afterwards every acknowledged submission must be stored
// once, and every other at most once; after the client sends it again, it is stored exactly once.
func TestCrash(t *testing.T) {
	if os.Getenv("CTR_CRASH") == "" {
		t.Skip("takes minutes; run: make crash")
	}
	for name, open := range places() {
		t.Run(name, func(t *testing.T) {
			c := &crash{Place: open(t), t: t, numbers: map[string]string{}}
			var all, last []*submission
			for round := range crashes {
				service := c.Start(t)
				c.settle(service, last)
				last = c.storm(service, round)
				all = append(all, last...)
			}
			service := c.Start(t)
			c.settle(service, last)
			c.recheck(service, all)
			if code := service.Stop(t); code != 0 {
				t.Errorf("the service ended with %d", code)
			}
			c.count(name, len(all))
			t.Logf("%d crashes: %d submissions, %d without an answer, of which %d were in the register", crashes, len(all), c.unsettled, c.survived)
			if c.unsettled == 0 {
				t.Error("no crash interrupted anybody: this test proves nothing")
			}
		})
	}
}

// sendUntilKilled lets clients send at full speed and kills the service meanwhile. It returns the submissions.
func (c *crash) storm(service *interop.Service, round int) []*submission {
	patients := []string{"48022907379", "84061205236", "05041801691", "12451200933", "55230002134"}
	var (
		clients sync.WaitGroup
		mu      sync.Mutex
		sent    []*submission
		dead    atomic.Bool
	)
	first := make(chan struct{}, crashedClients)
	for i := range crashedClients {
		caller := service.Client(c.t, interop.Hospital(c.t))
		clients.Go(func() {
			for n := 0; ; n++ {
				reference := fmt.Sprintf("CRASH-%d-%d-%d", round, i, n)
				s := &submission{request: interop.Implantation(reference, patients[(i+n)%len(patients)], reference)}
				err := c.send(caller, s)
				mu.Lock()
				sent = append(sent, s)
				mu.Unlock()
				if err != nil {
					if !dead.Load() || !errors.Is(err, client.ErrUnreachable) {
						c.t.Errorf("%s: %v", reference, err)
					}
					return
				}
				if n == 0 {
					first <- struct{}{}
				}
			}
		})
	}
	select {
	case <-first:
	case <-time.After(10 * time.Second):
		c.t.Error("nothing is acknowledged within 10 seconds")
	}
	time.Sleep(50*time.Millisecond + time.Duration(round)*13*time.Millisecond) // a different delay in each round
	dead.Store(true)
	service.Kill()
	clients.Wait()
	return sent
}

// sendSubmission signs and sends a submission, and stores the number.
func (c *crash) send(caller *client.Client, s *submission) error {
	s.request.Header = interop.Header()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	answer, err := client.Call[wire.NotifyImplantRequest, wire.NotifyResponse](ctx, caller, "NotifyImplant", s.request)
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
func (c *crash) settle(service *interop.Service, sent []*submission) {
	var mu sync.Mutex
	c.each(service, sent, func(caller *client.Client, s *submission) error {
		answered := s.number != ""
		before, err := c.settleOne(caller, s)
		mu.Lock()
		defer mu.Unlock()
		if !answered {
			c.unsettled++
			c.survived += before
		}
		if other, taken := c.numbers[s.number]; err == nil && taken && other != s.serial() {
			err = fmt.Errorf("its number %s is also that of %s", s.number, other)
		}
		c.numbers[s.number] = s.serial()
		return err
	})
}

// recheckAll searches for the submissions by their numbers.
func (c *crash) recheck(service *interop.Service, sent []*submission) {
	c.each(service, sent, func(caller *client.Client, s *submission) error {
		_, err := c.search(caller, interop.ByNumber(s.number), s, 1, 1)
		return err
	})
}

// forEachSubmission calls do for every submission, concurrently.
func (c *crash) each(service *interop.Service, sent []*submission, do func(*client.Client, *submission) error) {
	var clients sync.WaitGroup
	next := make(chan *submission, len(sent))
	for _, s := range sent {
		next <- s
	}
	close(next)
	for range crashedClients {
		caller := service.Client(c.t, interop.Hospital(c.t))
		clients.Go(func() {
			for s := range next {
				if err := do(caller, s); err != nil {
					c.t.Errorf("%s: %v", s.serial(), err)
				}
			}
		})
	}
	clients.Wait()
}

// resolveSubmission returns the number of stored notifications before it sends the submission again: 1, or 0 if the
// submission was never acknowledged.
func (c *crash) settleOne(caller *client.Client, s *submission) (before int, err error) {
	if s.number != "" {
		if before, err = c.search(caller, interop.ByNumber(s.number), s, 1, 1); err != nil {
			return 0, fmt.Errorf("acknowledged, by its number: %w", err)
		}
	}
	// An acknowledged submission must be stored once, any other at most once.
	if before, err = c.search(caller, interop.BySerial(s.serial()), s, before, 1); err != nil {
		return 0, fmt.Errorf("after the crash, by its serial number: %w", err)
	}
	if err = c.send(caller, s); err != nil {
		return 0, err
	}
	if _, err = c.search(caller, interop.BySerial(s.serial()), s, 1, 1); err != nil {
		return 0, fmt.Errorf("after it was sent again: %w", err)
	}
	return before, nil
}

// searchSubmission searches for a submission, which must be found minCount to maxCount times with its known number.
// If the number is unknown, it stores the found one, so that a later receipt must agree with it.
func (c *crash) search(caller *client.Client, criteria wire.SearchCriteria, s *submission, minCount, maxCount int) (int, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	found, err := client.Call[wire.SearchRequest, wire.SearchResponse](ctx, caller, "Search", interop.SearchBy(criteria))
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
func (c *crash) count(engine string, want int) {
	db := c.Raw(c.t)
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
