package wsse

import (
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// readTimestamp reads a wsu:Timestamp (SOAP Message Security section 10). until is the last instant at which the
// message is valid: its own Expires or the end of Window after Created, whichever is earlier.
func readTimestamp(e xmldoc.Element) (created, validUntil time.Time, err error) {
	first := e.FirstChild()
	second := first.NextSibling()
	if !first.Is(namespaceWSU, "Created") ||
		!second.IsZero() && (!second.Is(namespaceWSU, "Expires") || !second.NextSibling().IsZero()) {
		return created, validUntil, newRefusal(TimestampMalformed, timestampPath)
	}
	if created, err = parseInstant(first, timestampPath+"/wsu:Created"); err != nil {
		return created, validUntil, err
	}
	validUntil = created.Add(Window)
	if second.IsZero() {
		return created, validUntil, nil
	}
	expires, err := parseInstant(second, timestampPath+"/wsu:Expires")
	if err != nil {
		return created, validUntil, err
	}
	if !expires.After(created) {
		return created, validUntil, newRefusal(TimestampOrder, timestampPath,
			createdExpires.With(formatInstant(created), formatInstant(expires)))
	}
	if expires.Before(validUntil) {
		validUntil = expires
	}
	return created, validUntil, nil
}

// checkClock checks that now is within the validity period of the message, both ends included.
func checkClock(created, validUntil, now time.Time) error {
	switch {
	case created.After(now.Add(Skew)):
		return newRefusal(TimestampFuture, timestampPath,
			withServiceTime.With(texts.Literal("Created "+formatInstant(created)), formatInstant(now)))
	case now.After(validUntil):
		return newRefusal(TimestampExpired, timestampPath,
			createdUntil.With(formatInstant(created), formatInstant(validUntil), formatInstant(now)))
	}
	return nil
}

// parseInstant parses an xs:dateTime with a time zone.
func parseInstant(e xmldoc.Element, path string) (time.Time, error) {
	const longest = 64
	if start, end := e.Offset(); end-start > 4*longest {
		return time.Time{}, newRefusal(TimestampInstant, path, problem.DetailLongerThan.With(4*longest))
	}
	text, ok := e.Text()
	text = trimXMLSpace(text)
	// time.Parse also accepts a one-digit hour and a comma before the fraction, which xs:dateTime does not.
	const date = len("2006-01-02")
	if !ok || len(text) > longest || strings.Contains(text, ",") || strings.IndexByte(text, ':') != date+len("T15") {
		return time.Time{}, newInstantRefusal(path, text)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, newInstantRefusal(path, text) // the parse error would repeat the text as it is
	}
	return t.UTC(), nil
}

func newInstantRefusal(path, received string) error {
	return newRefusal(TimestampInstant, path, problem.DetailReceivedExpected.With(`"`+texts.Excerpt(received)+`"`,
		"xs:dateTime, 2026-11-21T10:00:00Z"))
}

// trimXMLSpace trims the white space of XML.
func trimXMLSpace(text string) string { return strings.Trim(text, " \t\r\n") }
