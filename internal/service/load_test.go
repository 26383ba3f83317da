package service_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// The load: the honest messages of a measurement, the pause before each, and the maximum slowdown of the 99th
// percentile. Results on a loaded machine are meaningless, so the tests run only if CTR_LOAD is set.
const (
	honestMessages  = 300
	messageInterval = 5 * time.Millisecond
	maxSlowdown     = 3.0
)

// attack is what the attackers of a test do, in another process.
type attack struct {
	kind      string
	attackers int
	addresses int // that they have
}

func (a attack) String() string {
	return fmt.Sprintf("%d × %s from %d addresses", a.attackers, a.kind, a.addresses)
}

// TestLoadAmongAttackers measures an honest caller in quiet and among attackers, with one connection and with one for
// each message, and once more after the service was restarted among the attackers. The 99th percentile is at most three
// times as high.
func TestLoadAmongAttackers(t *testing.T) {
	skipUnlessLoaded(t)
	for _, a := range []attack{
		{"garbage", 200, 1},
		{"garbage", 600, 1},
		{"garbage", 200, 200},
		{"garbage", 600, 600},
		{"garbage on new connections", 200, 1},
		{"garbage on new connections", 600, 600},
		{"silent socket", 600, 1},
		{"slow body", 600, 1},
		{"slow body", 600, 600},
		{"HTTP/2 connection of slow bodies", 3, 1},
		{"signer with all streams", 3, 1},
	} {
		t.Run(a.String(), func(t *testing.T) {
			config := service.Config{Development: true, DataDirectory: interop.NewDevelopmentDirectory(t)}
			running := startService(t, config)
			address, err := url.Parse(running.URL)
			if err != nil {
				t.Fatal(err)
			}
			config.Listen = address.Host
			kept, single := newHonestCaller(t, &running.Service, true), newHonestCaller(t, &running.Service, false)
			quietKept, quietSingle := kept.measure(t), single.measure(t)
			stop := startAttack(t, running.URL, a)
			logSlowdown(t, "one connection", quietKept, kept.measure(t))
			logSlowdown(t, "a connection for each message", quietSingle, single.measure(t))
			running.close()
			startService(t, config)
			single.sendUntilAccepted(t)
			logSlowdown(t, "a connection for each message, after a restart", quietSingle, single.measure(t))
			kept.sendUntilAccepted(t)
			logSlowdown(t, "one connection, after a restart", quietKept, kept.measure(t))
			t.Log("answers to the attackers by status:", stop())
		})
	}
}

func skipUnlessLoaded(t *testing.T) {
	t.Helper()
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("CTR_LOAD is not set")
	}
}

// logSlowdown logs the percentiles under attack as multiples of those in quiet.
func logSlowdown(t *testing.T, what string, quiet, loud []time.Duration) {
	t.Helper()
	times := func(p int) float64 { return float64(percentile(loud, p)) / float64(percentile(quiet, p)) }
	t.Logf("%s: p50 %.2f times, p90 %.2f times, p99 %.2f times (quiet p99 %v)", what, times(50), times(90), times(99), percentile(quiet, 99))
	if times(99) > maxSlowdown {
		t.Errorf("%s: the slowest hundredth takes %.2f times as long among attackers", what, times(99))
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)*p/100]
}

// honestCaller sends signed messages from an address of its own.
type honestCaller struct {
	*client.Client

	sent int
}

func newHonestCaller(t *testing.T, s *interop.Service, keepAlive bool) *honestCaller {
	t.Helper()
	c := s.NewClient(t, interop.HospitalKey(t))
	transport, ok := c.HTTP.Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport.DisableKeepAlives = !keepAlive
	transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}).DialContext
	return &honestCaller{Client: c}
}

func (c *honestCaller) sign(t *testing.T) []byte {
	t.Helper()
	c.sent++
	patients := []string{"48022907379", "69092234126", "91021706490", "85073003328"}
	return interop.SignRequest(t, c.Client, "NotifyImplant", interop.NewImplantation(
		fmt.Sprintf("LOAD-%p-%d", c, c.sent), patients[c.sent%len(patients)], fmt.Sprint("S-", c.sent)))
}

// measure sends messages one after another, and returns how long each took.
func (c *honestCaller) measure(t *testing.T) []time.Duration {
	t.Helper()
	all := make([]time.Duration, 0, honestMessages)
	runtime.GC()
	pause := time.NewTimer(messageInterval)
	defer pause.Stop()
	refused := 0
	for range honestMessages {
		message := c.sign(t)
		<-pause.C
		began := time.Now()
		if status := postTo(t.Context(), c.HTTP, c.URL, message); status != http.StatusOK {
			refused++
		}
		all = append(all, time.Since(began))
		pause.Reset(messageInterval)
	}
	if refused > 0 {
		t.Errorf("%d of %d messages were refused", refused, honestMessages)
	}
	return all
}

// sendUntilAccepted sends a message until it is accepted, as after a restart.
func (c *honestCaller) sendUntilAccepted(t *testing.T) {
	t.Helper()
	began := time.Now()
	for tries := 1; ; tries++ {
		if postTo(t.Context(), c.HTTP, c.URL, c.sign(t)) == http.StatusOK {
			t.Logf("the first message is accepted after %v, at try %d", time.Since(began), tries)
			return
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("no message is accepted after the restart")
		}
	}
}

// postTo posts a message and returns the status, or 0.
func postTo(ctx context.Context, c *http.Client, address string, message []byte) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(message)))
	if err != nil {
		return 0
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	response, err := c.Do(request)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// attackVariable is the environment variable with the address to attack, the kind, and the numbers.
const attackVariable = "CTR_ATTACK"

// startAttack starts this test program again as the attackers, and returns when they are at work.
func startAttack(t *testing.T, address string, a attack) (stop func() string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.Background(), program, "-test.run", "^TestAttackers$")
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%d", attackVariable, address, a.kind, a.attackers, a.addresses))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(output)
	readLine := func() string {
		line, _ := lines.ReadString('\n')
		return strings.TrimSpace(line)
	}
	readLine()
	return func() string {
		_ = input.Close()
		line := readLine()
		_ = command.Wait()
		return line
	}
}

// TestAttackers is the process of the attackers.
func TestAttackers(t *testing.T) {
	fields := strings.Split(os.Getenv(attackVariable), "|")
	if len(fields) != 4 {
		t.Skip("TestLoadAmongAttackers starts it")
	}
	count, err := strconv.Atoi(fields[2])
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := strconv.Atoi(fields[3])
	if err != nil {
		t.Fatal(err)
	}
	w := &attackers{t: t, address: fields[0], answers: map[int]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range count {
		n := i % addresses
		from := net.IPv4(127, 1, byte(n/250), byte(1+n%250))
		group.Go(func() {
			for ctx.Err() == nil {
				w.run(ctx, fields[1], from)
			}
		})
	}
	settle := time.NewTimer(3 * time.Second)
	<-settle.C
	fmt.Println("at work")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	group.Wait()
	fmt.Println(w.answers)
}

// attackers count the answers to them by HTTP status; 0 for none.
type attackers struct {
	t       *testing.T
	address string
	mutex   sync.Mutex
	answers map[int]int
}

func (w *attackers) count(status int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.answers[status]++
}

// run is one attacker, until ctx ends or its connection does.
func (w *attackers) run(ctx context.Context, kind string, from net.IP) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext,
	}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	switch kind {
	case "garbage on new connections":
		transport.DisableKeepAlives = true
		w.count(postTo(ctx, c, w.address, []byte("<a/>")))
	case "garbage":
		for ctx.Err() == nil {
			w.count(postTo(ctx, c, w.address, []byte("<a/>")))
		}
	case "silent socket":
		w.trickle(ctx, c, time.Hour)
	case "slow body":
		w.trickle(ctx, c, time.Second)
	case "HTTP/2 connection of slow bodies":
		transport.ForceAttemptHTTP2 = true
		useAllStreams(ctx, func() { w.trickle(ctx, c, time.Second) })
	case "signer with all streams":
		transport.ForceAttemptHTTP2 = true
		own := &client.Client{URL: w.address, Key: interop.HospitalKey(w.t), HTTP: c, Now: time.Now, NewID: interop.NewID}
		useAllStreams(ctx, func() {
			message := interop.SignRequest(w.t, own, "Search", interop.NewSearchRequest(interop.CriteriaByNumber("202611210000172")))
			w.count(postTo(ctx, c, w.address, message))
			w.trickle(ctx, c, time.Second)
		})
	}
}

// useAllStreams does the same on each stream that the service allows.
func useAllStreams(ctx context.Context, act func()) {
	act() // opens the connection
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for ctx.Err() == nil {
				act()
			}
		})
	}
	group.Wait()
}

// trickle sends a body of an octet in each pause.
func (w *attackers) trickle(ctx context.Context, c *http.Client, pause time.Duration) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, &tricklingBody{ctx: ctx, pause: pause})
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	request.ContentLength = 6000
	response, err := c.Do(request)
	if err != nil {
		w.count(0)
		return
	}
	_ = response.Body.Close()
	w.count(response.StatusCode)
}

type tricklingBody struct {
	ctx   context.Context //nolint:containedctx // a body has no other way to end
	pause time.Duration
}

func (b *tricklingBody) Read(p []byte) (int, error) {
	pause := time.NewTimer(b.pause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return copy(p, "<"), nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

// TestLoadBeyondTheSustainable sends what the service can sustain, in a closed loop, and then five times as much. As
// many messages are accepted as before, but for a fifth, and those that are accepted take a second at most.
func TestLoadBeyondTheSustainable(t *testing.T) {
	skipUnlessLoaded(t)
	const sustainable, factor, lasts = 32, 5, 10 * time.Second
	for name, config := range map[string]func(t *testing.T) service.Config{
		"SQLite": func(*testing.T) service.Config { return service.Config{Development: true} },
		"PostgreSQL": func(t *testing.T) service.Config {
			t.Helper()
			return service.Config{Development: true, DatabaseURL: storetest.NewPostgresDatabase(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			running := startService(t, config(t))
			most, _, _ := overload(t, running, sustainable, lasts)
			accepted, refused, took := overload(t, running, factor*sustainable, lasts)
			share := float64(accepted) / float64(most)
			t.Logf("%d accepted, %d refused: %.0f %% of the maximum; p50 %v, p99 %v", accepted, refused, 100*share, percentile(took, 50), percentile(took, 99))
			if share < 0.8 || percentile(took, 99) > time.Second {
				t.Error("the overload is not answered early")
			}
		})
	}
}

// settleTime is not counted: the callers connect, and the service learns who they are.
const settleTime = 3 * time.Second

// overload has callers send one message after another, each again a tenth of a second after it was refused. It returns
// how many were accepted and refused after settleTime, and how long the accepted attempts took.
func overload(t *testing.T, running *runningService, callers int, lasts time.Duration) (accepted, refused int, took []time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settleTime+lasts)
	defer cancel()
	settled := time.Now().Add(settleTime)
	var mutex sync.Mutex
	var group sync.WaitGroup
	var serial atomic.Int64
	for range callers {
		c := running.NewClient(t, interop.HospitalKey(t))
		group.Go(func() {
			for ctx.Err() == nil {
				n := serial.Add(1)
				message := interop.SignRequest[ctr.NotifyImplantRequest](t, c, "NotifyImplant", interop.NewImplantation(
					fmt.Sprintf("OVER-%d-%d", callers, n), []string{"48022907379", "69092234126", "91021706490", "85073003328"}[n%4], fmt.Sprint("S-", callers, n)))
				began := time.Now()
				status := postTo(t.Context(), c.HTTP, c.URL, message) //nolint:contextcheck // the last one is not cut off
				mutex.Lock()
				switch {
				case began.Before(settled):
				case status == http.StatusOK:
					accepted++
					took = append(took, time.Since(began))
				default:
					refused++
				}
				mutex.Unlock()
				if status != http.StatusOK {
					pause := time.NewTimer(time.Second / 10)
					<-pause.C
				}
			}
		})
	}
	group.Wait()
	return accepted, refused, took
}
