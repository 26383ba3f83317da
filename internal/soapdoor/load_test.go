package soapdoor_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// exhaustingCases matches the cases that attackers send in TestOneMessageAmongAttackers, besides MTOM packages and all
// large cases.
var exhaustingCases = regexp.MustCompile(`attack-.*(flood|huge|depth|colliding|quadratic|canonical-form|rebound|laughs|larger|costly|loop|recursion|long|many|nested)`)

// The load: the rounds of each kind, the honest messages per round, the pause before each message, the number of
// attackers, the honest messages with a connection each, and the maximum slowdown of the 99th percentile.
const (
	rounds               = 8
	messagesPerRound     = 250
	messageInterval      = 3 * time.Millisecond
	attackers            = 50
	reconnectingMessages = 100
	maxSlowdown          = 2.0
)

// TestOneMessageAmongAttackers sends signed messages one after another over one connection, in alternating rounds:
// without load, and while fifty attackers in another process send messages made to exhaust the service, every fifth
// attacker with a new connection for each message. The 99th percentile must less than double. It then logs the times of
// an honest caller with a new connection for each message. Results on a loaded machine are meaningless, so it runs only
// if CTR_LOAD is set.
func TestOneMessageAmongAttackers(t *testing.T) {
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("CTR_LOAD is not set")
	}
	d, server := newLoadTestDoor(t)
	signed := signMessages(t, d, 2*(rounds*messagesPerRound+reconnectingMessages))
	others := startAttackers(t, server.URL)
	caller := server.Client()
	send := func(many int) []time.Duration {
		some := signed[:many]
		signed = signed[many:]
		return measureEach(t, caller, server.URL, some)
	}
	attacked := func(many int) []time.Duration {
		others.toggle(t)
		all := send(many)
		t.Log(others.toggle(t))
		return all
	}
	var quiet, loud []time.Duration
	for range rounds {
		quiet = append(quiet, send(messagesPerRound)...)
		loud = append(loud, attacked(messagesPerRound)...)
	}
	logComparison(t, "one connection", quiet, loud)
	if times := float64(percentile(loud, 99)) / float64(percentile(quiet, 99)); times >= maxSlowdown {
		t.Errorf("the slowest hundredth takes %.2f times as long among attackers", times)
	}
	transport, ok := caller.Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport.DisableKeepAlives = true
	logComparison(t, "a connection for each message", send(reconnectingMessages), attacked(reconnectingMessages))
}

// logComparison logs the percentiles under attack, also as multiples of those without load.
func logComparison(t *testing.T, what string, quiet, loud []time.Duration) {
	t.Helper()
	for _, p := range []int{50, 90, 99} {
		q, l := percentile(quiet, p), percentile(loud, p)
		t.Logf("%s, p%d: %v in quiet, %v among attackers, %.2f times", what, p, q, l, float64(l)/float64(q))
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)*p/100]
}

// newLoadTestDoor returns a service with a running clock, behind TLS.
func newLoadTestDoor(t *testing.T) (*door, *httptest.Server) {
	t.Helper()
	began := time.Now()
	d := openDoorWithClock(t, registertest.New(t, registertest.Options{}), settings{},
		func() time.Time { return registertest.StartTime().Add(time.Since(began)) }, nil)
	server := httptest.NewUnstartedServer(d.service)
	server.Config.ConnContext = admission.ConnContext
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return d, server
}

// measureEach sends messages one after another and returns the duration of each.
func measureEach(t *testing.T, caller *http.Client, address string, messages [][]byte) []time.Duration {
	t.Helper()
	all := make([]time.Duration, 0, len(messages))
	runtime.GC()
	pause := time.NewTimer(messageInterval)
	defer pause.Stop()
	for _, octets := range messages {
		<-pause.C
		began := time.Now()
		response, err := caller.Post(address+ctr.Path, soap.SOAP11.ContentType(), bytes.NewReader(octets))
		if err != nil {
			t.Fatal(err)
		}
		err = checkSuccess(response.StatusCode, response.Body)
		all = append(all, time.Since(began))
		_ = response.Body.Close()
		pause.Reset(messageInterval)
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// attackerProcess is another process with the attackers. A line on its standard input starts or stops the attack.
type attackerProcess struct {
	input  io.Writer
	output *bufio.Reader
}

// startAttackers starts this test program again as the attackers, initially idle.
func startAttackers(t *testing.T, address string) *attackerProcess {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.Background(), program, "-test.run", "^TestAttackers$")
	command.Env = append(os.Environ(), attackTargetVariable+"="+address)
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
	t.Cleanup(func() {
		_ = input.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	g := &attackerProcess{input, bufio.NewReader(output)}
	t.Log(g.readLine(t))
	return g
}

// readLine returns the next line of output of the attackers.
func (g *attackerProcess) readLine(t *testing.T) string {
	t.Helper()
	line, err := g.output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// toggle starts or stops the attack, and waits until all attackers follow.
func (g *attackerProcess) toggle(t *testing.T) string {
	t.Helper()
	if _, err := io.WriteString(g.input, "\n"); err != nil {
		t.Fatal(err)
	}
	return g.readLine(t)
}

// attackTargetVariable is the environment variable with the address to attack.
const attackTargetVariable = "CTR_ATTACKED"

// TestAttackers is the process of attackers of TestOneMessageAmongAttackers.
func TestAttackers(t *testing.T) {
	address := os.Getenv(attackTargetVariable)
	if address == "" {
		t.Skip("TestOneMessageAmongAttackers starts it")
	}
	all := attackMessages(t)
	size := 0
	for _, a := range all {
		size += len(a.body)
	}
	fmt.Printf("%d attacks, %d KiB on average\n", len(all), size/len(all)>>10)
	input := bufio.NewReader(os.Stdin)
	for {
		if _, err := input.ReadString('\n'); err != nil {
			return
		}
		w := &attackStats{answers: map[int]int{}, atWork: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for i := range attackers {
			group.Go(func() { w.runAttacker(ctx, i, address+ctr.Path, all) })
		}
		<-w.atWork
		fmt.Println("at work")
		_, err := input.ReadString('\n')
		cancel()
		group.Wait()
		fmt.Println("answers by status:", w.answers)
		if err != nil {
			return
		}
	}
}

// attackStats counts the answers to the attackers.
type attackStats struct {
	mutex   sync.Mutex
	total   int
	answers map[int]int   // by HTTP status; 0 for no answer
	atWork  chan struct{} // closed when a fifth of the attackers may have their first answer
}

func (w *attackStats) countAnswer(status int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.answers[status]++
	if w.total++; w.total == attackers/5 {
		close(w.atWork)
	}
}

// runAttacker sends the attacks one after another, starting at a different one for each attacker. Every fifth attacker
// opens a new connection for each message.
func (w *attackStats) runAttacker(ctx context.Context, i int, address string, all []mtomRequest) {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: i%5 == 0,
	}
	defer transport.CloseIdleConnections()
	for n := i; ctx.Err() == nil; n++ {
		a := all[n*7%len(all)]
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(a.body))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", a.contentType)
		response, err := transport.RoundTrip(request)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.countAnswer(0)
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		w.countAnswer(response.StatusCode)
	}
}

// attackMessages returns the exhausting cases, every large case, and MTOM packages.
func attackMessages(t *testing.T) (all []mtomRequest) {
	t.Helper()
	for _, file := range listCaseFiles(t) {
		c := readCase(t, file)
		s := c.steps[0]
		if len(c.steps) > 1 || s.fault == "" {
			continue
		}
		if octets := s.buildMessage(t, 1); exhaustingCases.MatchString(file) || len(octets) > 64<<10 {
			all = append(all, mtomRequest{s.version.ContentType(), octets})
		}
	}
	envelope, _ := signWithAttachedToken(t, "NotifyImplant", testpki.Hospital, soap.SOAP11, 1)
	body, _ := signWithAttachedToken(t, "NotifyImplant", testpki.Hospital, soap.SOAP11, 1, "set ctrp:InputReference to <xop:Include xmlns:xop=\""+namespaceXOP+"\" href=\"cid:1@test\"/>")
	return append(all,
		packMTOM(soap.SOAP11, envelope, strings.Repeat("x", 7<<20)),
		packMTOM(soap.SOAP11, body, strings.Repeat("x", 7<<20)),
		packMTOM(soap.SOAP11, envelope, slices.Repeat([]string{strings.Repeat("\r\n--b-", 1<<16)}, 15)...),
	)
}
