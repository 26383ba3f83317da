package soapdoor_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var errUnknownWord = errors.New("unknown word")

// edit is a change of a message. It operates on the text, so that it can also produce what no XML library would write,
// and changes nothing else.
type edit struct {
	verb, what, where string
}

// parseEdit parses an edit and appends it:
//
//	set PATH to XML        the content of an element
//	add XML before PATH    also: after, into (at its end)
//	move PATH into PATH
//	remove PATH
//	replace TEXT => TEXT   the first occurrence
//	replace all TEXT => TEXT
//
// A PATH is a name, such as ctr:Patient, or nested names, such as ctr:Implant[2]/ctr:UDI. In XML, [message] is the
// request and [forged] is the request with another Id.
func parseEdit(to *[]edit, line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	var e edit
	switch verb {
	case "set":
		where, what, _ := strings.Cut(rest+" ", " to ") // the new content may be empty
		e = edit{"set", strings.TrimSuffix(what, " "), where}
	case "remove":
		e = edit{"remove", "", rest}
	case "replace":
		if all, ok := strings.CutPrefix(rest, "all "); ok {
			verb, rest = "replace all", all
		}
		from, to, ok := strings.Cut(rest, " =>")
		if !ok {
			return errors.New("replace TEXT => TEXT")
		}
		e = edit{verb, strings.TrimPrefix(to, " "), from}
	case "add", "move":
		parts := additionPattern.FindStringSubmatch(rest)
		if parts == nil {
			return errors.New("before, after or into what?")
		}
		e = edit{verb + " " + parts[2], parts[1], parts[3]}
	default:
		return errUnknownWord
	}
	*to = append(*to, e)
	return nil
}

var additionPattern = regexp.MustCompile(`^(.*) (before|after|into) (\S+)$`)

// apply changes a text; request replaces [message].
func (e edit) apply(text, request string) (string, error) {
	what := strings.NewReplacer("[message]", request, "[forged]", strings.Replace(request, `Id="`, `Id="forged`, 1)).Replace(e.what)
	if strings.HasPrefix(e.verb, "replace") {
		if !strings.Contains(text, e.where) {
			return "", fmt.Errorf("%q does not stand in the message", e.where)
		}
		if e.verb == "replace all" {
			return strings.ReplaceAll(text, e.where, what), nil
		}
		return strings.Replace(text, e.where, what, 1), nil
	}
	at, err := locateElement(text, e.where)
	if err != nil {
		return "", err
	}
	switch e.verb {
	case "set":
		return text[:at.inside] + what + text[at.close:], nil
	case "remove":
		return text[:at.start] + text[at.end:], nil
	case "add before":
		return text[:at.start] + what + text[at.start:], nil
	case "add after":
		return text[:at.end] + what + text[at.end:], nil
	case "add into":
		return text[:at.close] + what + text[at.close:], nil
	case "move into":
		moved, err := locateElement(text, e.what)
		if err != nil {
			return "", err
		}
		element := text[moved.start:moved.end]
		if moved.end <= at.close { // removing the earlier element shifts the target
			return text[:moved.start] + text[moved.end:at.close] + element + text[at.close:], nil
		}
		text = text[:moved.start] + text[moved.end:]
		return text[:at.close] + element + text[at.close:], nil
	}
	return "", errUnknownWord
}

// span holds the offsets of an element in a text.
type span struct{ start, inside, close, end int }

// locateElement finds an element by its path.
func locateElement(text, path string) (span, error) {
	within := span{0, 0, len(text), len(text)}
	for step := range strings.SplitSeq(path, "/") {
		name, nth := step, 1
		if before, index, ok := strings.Cut(strings.TrimSuffix(step, "]"), "["); ok {
			n, err := strconv.Atoi(index)
			if err != nil {
				return span{}, err
			}
			name, nth = before, n
		}
		found, from := span{}, within.inside
		for range nth {
			var ok bool
			if found, ok = findNextElement(text[:within.close], name, from); !ok {
				return span{}, fmt.Errorf("%s does not stand in the message", path)
			}
			from = found.end
		}
		within = found
	}
	return within, nil
}

// findNextElement finds the next element with a name.
func findNextElement(text, name string, from int) (span, bool) {
	for {
		i := strings.Index(text[from:], "<"+name)
		if i < 0 {
			return span{}, false
		}
		start := from + i
		from = start + 1 + len(name)
		if from < len(text) && !strings.ContainsRune(" >/\t\n", rune(text[from])) {
			continue
		}
		inside := start + strings.IndexByte(text[start:], '>') + 1
		if text[inside-2] == '/' {
			return span{start, inside, inside, inside}, true
		}
		i = strings.Index(text[inside:], "</"+name+">")
		if i < 0 {
			return span{}, false
		}
		return span{start, inside, inside + i, inside + i + len(name) + 3}, true
	}
}
