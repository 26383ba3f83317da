package soapdoor_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// BenchmarkRequest is the unit of docs/performance.md: one signed notifyImplant of one implant, from request bytes to
// committed row to response, with 64 concurrent callers on the default SQLite store. cpu-µs/op covers the whole
// process; over TLS it includes the client's side of the connection. The floor, measured beside it, is the least
// possible cost: the hash of the bytes, the RSA-2048 verification and four row inserts with a group commit.
func BenchmarkRequest(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		key := testpki.Key(b, testpki.Hospital)
		public, ok := key.Certificate.PublicKey.(*rsa.PublicKey)
		if !ok {
			b.Fatal("not an RSA key")
		}
		message := bytes.Repeat([]byte("x"), 6000)
		digest := sha256.Sum256(message)
		signature, err := key.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			b.Fatal(err)
		}
		insert := storetest.NewInsertFloor(b)
		before := costtest.CPUTime(b)
		b.ResetTimer()
		for n := range b.N {
			digest := sha256.Sum256(message)
			if err := errors.Join(rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature), insert(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		costtest.ReportCPUTime(b, before)
	})
	b.Run("handler", func(b *testing.B) {
		d := newDoor(b, settings{})
		messages := signMessages(b, d, b.N)
		connections := make(chan context.Context, concurrentCallers)
		for range concurrentCallers {
			connections <- admission.ConnContext(b.Context(), nil)
		}
		runConcurrently(b, func(n int64) error {
			connection := <-connections
			defer func() { connections <- connection }()
			request := httptest.NewRequestWithContext(connection, http.MethodPost, "/ctr/v1", bytes.NewReader(messages[n]))
			request.Header.Set("Content-Type", soap.SOAP11.ContentType())
			recorder := httptest.NewRecorder()
			d.service.ServeHTTP(recorder, request)
			return checkSuccess(recorder.Code, recorder.Body)
		})
	})
	b.Run("tls", func(b *testing.B) {
		d := newDoor(b, settings{})
		server := httptest.NewUnstartedServer(d.service)
		server.Config.ConnContext = admission.ConnContext
		server.StartTLS()
		defer server.Close()
		caller := server.Client()
		if transport, ok := caller.Transport.(*http.Transport); ok {
			transport.MaxIdleConnsPerHost = concurrentCallers
		}
		messages := signMessages(b, d, b.N)
		openConnections(b, caller, server.URL)
		runConcurrently(b, func(n int64) error {
			response, err := caller.Post(server.URL+"/ctr/v1", soap.SOAP11.ContentType(), bytes.NewReader(messages[n]))
			if err != nil {
				return err
			}
			defer response.Body.Close() //nolint:errcheck // the body has been read to its end
			return checkSuccess(response.StatusCode, response.Body)
		})
	})
}

const concurrentCallers = 64

// openConnections opens a connection for every caller, so that no handshake is measured: callers keep their
// connections.
func openConnections(b *testing.B, caller *http.Client, address string) {
	b.Helper()
	var group, together sync.WaitGroup
	together.Add(concurrentCallers)
	for range concurrentCallers {
		group.Go(func() {
			response, err := caller.Get(address + "/livez")
			together.Done()
			together.Wait() // so that no caller reuses the connection of another
			if err != nil {
				b.Error(err)
				return
			}
			if err = checkSuccess(response.StatusCode, response.Body); err != nil {
				b.Error(err)
			}
			_ = response.Body.Close()
		})
	}
	group.Wait()
}

// runConcurrently runs b.N operations on 64 goroutines and reports the CPU time per operation.
func runConcurrently(b *testing.B, operation func(n int64) error) {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	before := costtest.CPUTime(b)
	b.ResetTimer()
	for range concurrentCallers {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(b.N); n = next.Add(1) - 1 {
				if err := operation(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	costtest.ReportCPUTime(b, before)
}

func checkSuccess(status int, body io.Reader) error {
	octets, err := io.ReadAll(body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", status, octets)
	}
	return err
}

// signMessages signs n different notifications before the timer starts.
func signMessages(b testing.TB, d *door, many int) [][]byte {
	b.Helper()
	c := client.Client{Key: testpki.Key(b, testpki.Hospital), Now: d.Clock.Now, NewID: newIDCounter()}
	messages := make([][]byte, many)
	var next atomic.Int64
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(many); n = next.Add(1) - 1 {
				body, err := ctr.Encode("NotifyImplantRequest", benchmarkRequest(n))
				if err == nil {
					messages[n], err = c.Sign(body)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	return messages
}

func newIDCounter() func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprint("_", n.Add(1)) }
}

func benchmarkRequest(n int64) *ctr.NotifyImplantRequest {
	const surgeon = "78031412250"
	return &ctr.NotifyImplantRequest{
		Header: ctr.Header{ID: "_1", IssueInstant: "2026-11-21T10:00:00Z", Author: &ctr.Author{HcParty: []ctr.HcParty{{
			ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: surgeon}}, FirstName: []string{"Anna"}, Name: "Claes"}}}},
		InputReference: fmt.Sprint("BENCH-", n), Save: "Final",
		Implantation: ctr.Implantation{
			Specialist: ctr.Professional{SSIN: surgeon}, OperationDate: "2026-11-20", Patient: "48022907379",
			Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: "2026-11-02", Comment: "revision of the left knee",
			Implant: []ctr.NotifiedImplant{{NotificationCode: "000071200176", Quantity: 1, Location: "left knee", Side: "Left",
				UDI: fmt.Sprintf("(01)05410000001047(17)291231(10)L2201(21)S-%06d", n)}},
		},
	}
}
