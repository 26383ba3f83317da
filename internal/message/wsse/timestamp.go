package wsse

import (
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// readTimestamp reads a wsu:Timestamp (SOAP Message Security section 10): when the message was made, and the last
// instant at which it is good, the earlier of its own Expires and the end of our window.
func readTimestamp(e xmldoc.Element) (created, until time.Time, err error) {
	first := e.FirstChild()
	second := first.NextSibling()
	if !first.Is(utility, "Created") ||
		!second.IsZero() && (!second.Is(utility, "Expires") || !second.NextSibling().IsZero()) {
		return created, until, refuse(problem.TimestampMalformed, atTimestamp)
	}
	if created, err = readInstant(first, atTimestamp+"/wsu:Created"); err != nil {
		return created, until, err
	}
	until = created.Add(Window)
	if second.IsZero() {
		return created, until, nil
	}
	expires, err := readInstant(second, atTimestamp+"/wsu:Expires")
	if err != nil {
		return created, until, err
	}
	if !expires.After(created) {
		return created, until, refuse(problem.TimestampOrder, atTimestamp)
	}
	if expires.Before(until) {
		until = expires
	}
	return created, until, nil
}

// checkClock compares the message's times with ours. Both ends belong to the time in which the message is good.
func checkClock(created, until, now time.Time) error {
	switch {
	case created.After(now.Add(Skew)):
		return refuse(problem.TimestampFuture, atTimestamp, "Created", instant(created), "- service time", instant(now))
	case now.After(until):
		return refuse(problem.TimestampExpired, atTimestamp, "Created", instant(created), "- good until", instant(until),
			"- service time", instant(now))
	}
	return nil
}

// readInstant reads an xs:dateTime that names an instant: one with a time zone.
func readInstant(e xmldoc.Element, at string) (time.Time, error) {
	const longest = 64
	if start, end := e.Offset(); end-start > 4*longest {
		return time.Time{}, refuse(problem.TimestampInstant, at)
	}
	text, ok := e.Text()
	text = trimmed(text)
	// time.Parse also takes hours of one digit and a comma before the fraction, which xs:dateTime does not.
	const date = len("2006-01-02")
	if !ok || len(text) > longest || strings.Contains(text, ",") || strings.IndexByte(text, ':') != date+len("T15") {
		return time.Time{}, refuse(problem.TimestampInstant, at)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, problem.New(problem.TimestampInstant).In(at) // the cause would repeat the text
	}
	return t.UTC(), nil
}

// trimmed returns a text without the white space of XML around it.
func trimmed(text string) string { return strings.Trim(text, " \t\r\n") }
