package soapdoor_test

import (
	"encoding/base64"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/testing/textedit"
)

// expandMacros expands abbreviations in a case, which keep the file of a large attack small:
//
//	[1000 times TEXT]           a percent sign in TEXT becomes the index
//	[certificate of NAME]       the certificate of a frozen key, in base64
//	[certificate + 3 octets]    the certificate of the first hospital, followed by further bytes
//	[outside]                   an address to which the service must never connect
func expandMacros(tb testing.TB, text string) string {
	tb.Helper()
	text = certificateMacro.ReplaceAllStringFunc(text, func(found string) string {
		parts := certificateMacro.FindStringSubmatch(found)
		octets := append([]byte{}, testpki.Key(tb, firstNonEmpty(parts[1], testpki.Hospital)).Certificate.Raw...)
		more, _ := strconv.Atoi(parts[2]) // zero if absent
		return base64.StdEncoding.EncodeToString(append(octets, make([]byte, more)...))
	})
	if strings.Contains(text, "[outside]") {
		text = strings.ReplaceAll(text, "[outside]", outsideAddress(tb))
	}
	return textedit.ExpandRepetitions(text)
}

var certificateMacro = regexp.MustCompile(`\[certificate(?: of ([^\]]+)| \+ (\d+) octets)\]`)

// outsideConnections counts the connections to the address [outside], on which listenOutside listens.
var (
	outsideConnections atomic.Int32
	listenOutside      = sync.OnceValues(func() (string, error) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				outsideConnections.Add(1)
				_ = connection.Close()
			}
		}()
		return "http://" + listener.Addr().String(), nil // it stays open until the process ends
	})
)

func outsideAddress(tb testing.TB) string {
	tb.Helper()
	address, err := listenOutside()
	if err != nil {
		tb.Fatal(err)
	}
	return address
}
