package soapdoor_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// usualNotification returns the usual notification, signed; each number gives a different message.
func usualNotification(tb testing.TB, number int, edits ...string) string {
	tb.Helper()
	s := &step{send: send{message: "NotifyImplant", signer: testpki.Hospital, clock: registertest.StartTime(), version: soap.SOAP11}}
	for _, line := range edits {
		if err := appendEdit(&s.edits, line); err != nil {
			tb.Fatal(err)
		}
	}
	return s.buildMessage(tb, number)
}

// postForOutcome posts a message and returns the code of the refusal or the number of the notification.
func postForOutcome(t *testing.T, d *door, octets string) string {
	t.Helper()
	a := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, octets, nil))
	if a.refusal == nil {
		return valueAt(a.response, "ctrp:Receipt/ctr:NotificationNumber")
	}
	return a.refusal.Violations[0].Code
}

// backends returns, for each engine, a function that opens a new database with the development data.
func backends() map[string]func(*testing.T) storetest.Backend {
	return map[string]func(*testing.T) storetest.Backend{
		"SQLite": func(t *testing.T) storetest.Backend { t.Helper(); return registertest.NewEmbedded(t) },
		"PostgreSQL": func(t *testing.T) storetest.Backend {
			t.Helper()
			backend := storetest.NewPostgresBackends(t)(t)
			registertest.LoadDevelopmentData(t, backend)
			return backend
		},
	}
}

const firstNumber = "202611210000172"

func TestReplayAfterRestart(t *testing.T) {
	t.Parallel()
	for name, backend := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := backend(t)
			message := usualNotification(t, 1)
			first := openDoor(t, registertest.OpenNode(t, database, registertest.Options{}), settings{})
			if got := postForOutcome(t, first, message); got != firstNumber {
				t.Fatalf("first: %s", got)
			}
			first.Close(t)
			second := openDoor(t, registertest.OpenNode(t, database, registertest.Options{NodePrefix: "b"}), settings{})
			if got := postForOutcome(t, second, message); got != "MESSAGE_REPLAYED" {
				t.Errorf("after the restart: %s", got)
			}
			if got := second.CountNotifications(t); got != 1 {
				t.Errorf("%d notifications", got)
			}
			if events := second.AuditEvents(t, 0); len(events) != 2 || events[1].Codes[0] != "MESSAGE_REPLAYED" {
				t.Errorf("audit: %v", events)
			}
		})
	}
}

// TestReplayOnAnotherNode sends one message to two nodes concurrently: exactly one accepts it.
func TestReplayOnAnotherNode(t *testing.T) {
	t.Parallel()
	for name, backend := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := backend(t)
			nodes := []*door{
				openDoor(t, registertest.OpenNode(t, database, registertest.Options{NodePrefix: "a"}), settings{}),
				openDoor(t, registertest.OpenNode(t, database, registertest.Options{NodePrefix: "b"}), settings{}),
			}
			message := usualNotification(t, 1)
			got := runAtOnce(len(nodes), func(i int) string { return postForOutcome(t, nodes[i], message) })
			if got[firstNumber] != 1 || got["MESSAGE_REPLAYED"] != 1 {
				t.Errorf("answers: %v", got)
			}
			if kept := nodes[0].CountNotifications(t); kept != 1 {
				t.Errorf("%d notifications", kept)
			}
			if got := postForOutcome(t, nodes[1], usualNotification(t, 2)); got != firstNumber {
				t.Errorf("the same InputReference on the other node: %s", got)
			}
		})
	}
}

// TestSameInputReferenceAtOnce sends one submission 64 times concurrently, with a new signature each time.
func TestSameInputReferenceAtOnce(t *testing.T) {
	t.Parallel()
	for name, backend := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const clients = 64
			d := openDoor(t, registertest.OpenNode(t, backend(t), registertest.Options{}), settings{})
			signed := make([]string, clients)
			for i := range signed {
				signed[i] = usualNotification(t, i+1)
			}
			got := runAtOnce(clients, func(i int) string { return postForOutcome(t, d, signed[i]) })
			if got[firstNumber] != clients {
				t.Errorf("answers: %v", got)
			}
			if kept := d.CountNotifications(t); kept != 1 {
				t.Errorf("%d notifications", kept)
			}
			reasons := map[string]int{}
			for _, e := range d.AuditEvents(t, 0) {
				reasons[e.Reason]++
			}
			if reasons["specialist of the operation"] != 1 || reasons["repeated InputReference"] != clients-1 {
				t.Errorf("audit: %v", reasons)
			}
		})
	}
}

// TestNumbersAtOnce sends different submissions concurrently: each gets a number of its own.
func TestNumbersAtOnce(t *testing.T) {
	t.Parallel()
	const clients = 32
	d := newDoor(t, settings{})
	signed := make([]string, clients)
	for i := range signed {
		signed[i] = usualNotification(t, i+1, fmt.Sprintf("set ctrp:InputReference to EPD-%d", i), "remove ctr:UDI")
	}
	got := runAtOnce(clients, func(i int) string { return postForOutcome(t, d, signed[i]) })
	if len(got) != clients {
		t.Errorf("answers: %v", got)
	}
	if kept := d.CountNotifications(t); kept != clients {
		t.Errorf("%d notifications", kept)
	}
}

// runAtOnce runs a function several times concurrently and counts the results.
func runAtOnce(times int, run func(int) string) map[string]int {
	var wait sync.WaitGroup
	start := make(chan struct{})
	results := make([]string, times)
	for i := range times {
		wait.Go(func() {
			<-start
			results[i] = run(i)
		})
	}
	close(start)
	wait.Wait()
	counted := map[string]int{}
	for _, r := range results {
		counted[r]++
	}
	return counted
}
