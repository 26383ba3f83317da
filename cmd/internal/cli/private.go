package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/internal/platform/ident"
)

// PersonNumberHelp says so; a program shows it once.
const PersonNumberHelp = "A person's number on a command line is visible to every account of the machine. For each " +
	"flag that takes an SSIN, - reads it from a line of standard input, and @FILE from the first line of a file."

// maxNumberBytes bounds a line with a number, which has 11 digits.
const maxNumberBytes = 64

// PersonNumbers makes kong accept the number of a person, as people write it, in a flag with the tag type:"person".
// Every account of a machine can read the command lines of all others, so the number can be elsewhere: "-" reads a line
// of standard input, and "@FILE" the first line of a file. Several flags of "-" read one line each.
func PersonNumbers(stdin io.Reader) kong.Option {
	lines := bufio.NewReaderSize(stdin, maxNumberBytes)
	return kong.NamedMapper("person", kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("number", &text); err != nil {
			return err
		}
		number, err := readPersonNumber(text, lines)
		if err == nil {
			target.SetString(ident.TrimPunctuation(number))
		}
		return err
	}))
}

func readPersonNumber(value string, stdin *bufio.Reader) (number string, err error) {
	name, isFile := strings.CutPrefix(value, "@")
	switch {
	case value == "-":
		number, err = readNumberLine(stdin)
	case isFile:
		var file *os.File
		if file, err = os.Open(name); err == nil {
			number, err = readNumberLine(bufio.NewReaderSize(file, maxNumberBytes))
			err = errors.Join(err, file.Close())
		}
	default:
		return value, nil
	}
	if err != nil {
		return "", fmt.Errorf("the number: %w", err)
	}
	return number, nil
}

// readNumberLine reads one line, and repeats nothing of it in an error.
func readNumberLine(from *bufio.Reader) (string, error) {
	line, err := from.ReadSlice('\n')
	switch text := strings.TrimSpace(string(line)); {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("the line is too long")
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	case text == "":
		return "", errors.New("there is no line with it")
	default:
		return text, nil
	}
}
