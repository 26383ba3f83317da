package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/samples"
	"github.com/openctr/ctr/internal/wire"
)

// acceptanceTests lists the tests with messages that a server must accept.
func messageTrials() []trial {
	return []trial{
		{Requirement{"S10", "A notification is registered as final, with a number whose check digits are right, and answers the request's Id.", "xsd/, ReceiptType"}, notifies},
		{Requirement{"S11", "The receipt's Digest is the SHA-256 of the signed Body in its exclusive canonical form.", "xsd/, ReceiptType"}, digests},
		{Requirement{"S12", "Lot, serial number and expiry are read from the UDI, and the device is named.", "xsd/, RegisteredImplantType"}, completes},
		{Requirement{"S13", "Signed anew with the same InputReference, other Ids and the same content, a notification gives the first receipt, and is kept once.", "xsd/, InputReferenceType"}, idempotent},
		{Requirement{"S14", "The notification is found by its number, as the caller's own.", "xsd/, SearchRequestType"}, foundByNumber},
		{Requirement{"S15", "The notification is found by its patient.", "xsd/, SearchRequestType"}, foundByPatient},
		{Requirement{"S16", "A search that finds nothing succeeds, with the status DataNotFound.", "xsd/, StatusResponseType"}, nothingFound},
		{Requirement{"S17", "An implant card is a PDF, and its Digest is the SHA-256 of its octets.", "xsd/, CardType"}, cardDigest},
		{Requirement{"S18", "A caller who takes attachments gets the same card as one (MTOM).", "MTOM section 3"}, cardAttached},
		{Requirement{"S19", "A request whose certificate is an attachment (MTOM) is accepted.", "MTOM section 3; XOP section 3.2"}, packedRequest},
		{Requirement{"S20", "A request of SOAP 1.2 is answered in SOAP 1.2.", "SOAP 1.2 part 2 section 7"}, twelve},
		{Requirement{"S21", "A request of SOAP 1.1 without SOAPAction is accepted.", "wsdl/"}, noAction},
		{Requirement{"S22", "The patient's implants are listed, with the one that was placed.", "xsd/, ListPatientImplantsRequestType"}, lists},
		{Requirement{"S23", "An implant that is removed is no longer listed.", "xsd/, NotifyExplantRequestType"}, explants},
		{Requirement{"S24", "The list of devices can be searched.", "xsd/, SearchDeviceRequestType"}, searchesDevices},
	}
}

// testNotify sends the notification that later tests refer to.
func notifies(ctx context.Context, r *run) error {
	reference := "CONFORMANCE" + r.NewID()
	message, a, err := r.exchange(ctx, soap.SOAP11, "NotifyImplant", samples.RequestValues{InputReference: reference})
	if err != nil {
		return err
	}
	response, err := wire.Decode[wire.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	receipt := response.Receipt
	number, err := ident.ParseNotificationNumber(receipt.NotificationNumber)
	switch {
	case err != nil:
		return errors.New("the number is none: its form or its check digits are wrong")
	case receipt.State != "Final":
		return fmt.Errorf("its state is %s", receipt.State)
	case !strings.Contains(message, ` Id="`+response.InResponseTo+`"`):
		return errors.New("InResponseTo does not name the request")
	case len(response.Implant) != 1:
		return fmt.Errorf("of 1 implant %d are registered", len(response.Implant))
	}
	r.number, r.implant, r.reference = number.Digits(), response.Implant[0].ImplantID, reference
	return nil
}

func digests(ctx context.Context, r *run) error {
	message, a, err := r.exchange(ctx, soap.SOAP11, "NotifyImplant", samples.RequestValues{})
	if err != nil {
		return err
	}
	response, err := wire.Decode[wire.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	document, err := xmldoc.Parse([]byte(message), xmldoc.DefaultLimits())
	if err != nil {
		return err
	}
	body := document.Root().Child(soap.Namespace11, "Body")
	sum := sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body))
	if !bytes.Equal(response.Receipt.Digest, sum[:]) {
		return errors.New("it is another")
	}
	return nil
}

func completes(ctx context.Context, r *run) error {
	response, err := r.registered(ctx, samples.RequestValues{})
	if err != nil {
		return err
	}
	i := response.Implant[0]
	switch {
	case i.LotNumber != "L2201" || i.SerialNumber == "" || i.ExpiryDate != "2049-12-31":
		return errors.New("lot, serial number or expiry is not that of the UDI")
	case i.Device == nil || i.Device.Name == "":
		return errors.New("the device is not named")
	}
	return nil
}

func idempotent(ctx context.Context, r *run) error {
	if r.number == "" {
		return notTried("no notification was accepted")
	}
	before, err := r.found(ctx, samples.RequestValues{})
	if err != nil {
		return err
	}
	values := samples.RequestValues{InputReference: "CONFORMANCE" + r.NewID()}
	request, err := r.maker.BuildRequest("NotifyImplant", values)
	if err != nil {
		return err
	}
	var numbers []string
	for range 2 {
		// As in a caller's retry, the request gets a new Id and the content stays the same.
		start, rest, _ := strings.Cut(request, ` Id="`)
		_, rest, _ = strings.Cut(rest, `"`)
		number, failed := r.numbered(ctx, start+` Id="`+r.NewID()+`"`+rest)
		if failed != nil {
			return failed
		}
		numbers = append(numbers, number)
	}
	after, err := r.found(ctx, samples.RequestValues{})
	switch {
	case err != nil:
		return err
	case numbers[0] != numbers[1]:
		return errors.New("the second receipt has another number")
	case after.Total != before.Total+1:
		return fmt.Errorf("%d notifications were kept, not 1", after.Total-before.Total)
	}
	return nil
}

// submitNotification sends a notification and returns its number.
func (r *run) numbered(ctx context.Context, request string) (string, error) {
	message, err := r.maker.Sign(soap.SOAP11, r.Key, request)
	if err != nil {
		return "", err
	}
	a, err := r.post(ctx, samples.NewMessage(soap.SOAP11, "NotifyImplant", message))
	if err == nil {
		err = r.responds(a, soap.SOAP11, "NotifyImplant")
	}
	if err != nil {
		return "", err
	}
	response, err := wire.Decode[wire.NotifyResponse](a.content)
	if err != nil {
		return "", err
	}
	return response.Receipt.NotificationNumber, nil
}

func foundByNumber(ctx context.Context, r *run) error {
	if r.number == "" {
		return notTried("no notification was accepted")
	}
	found, err := r.found(ctx, samples.RequestValues{NotificationNumber: r.number})
	switch {
	case err != nil:
		return err
	case found.Total != 1 || len(found.Notification) != 1 || found.Notification[0].NotificationNumber != r.number:
		return fmt.Errorf("%d were found", found.Total)
	case !found.Notification[0].Own:
		return errors.New("it is not called the caller's own")
	}
	return nil
}

func foundByPatient(ctx context.Context, r *run) error {
	if r.number == "" {
		return notTried("no notification was accepted")
	}
	found, err := r.found(ctx, samples.RequestValues{})
	if err != nil {
		return err
	}
	for _, n := range found.Notification {
		if n.Patient != r.Data.Patient {
			return errors.New("a notification of another patient was found")
		}
	}
	if found.Total == 0 {
		return errors.New("nothing was found")
	}
	return nil
}

// newUnknownNumber returns a well-formed notification number that no register has assigned.
func unknownNumber() (string, error) {
	day, err := ident.ParseDate("2001-01-01")
	if err != nil {
		return "", err
	}
	number, err := ident.NewNotificationNumber(day, 99999)
	return number.Digits(), err
}

func nothingFound(ctx context.Context, r *run) error {
	unknown, err := unknownNumber()
	if err != nil {
		return err
	}
	a, err := r.call(ctx, soap.SOAP11, "Search", samples.RequestValues{NotificationNumber: unknown})
	if err != nil {
		return err
	}
	found, err := wire.Decode[wire.SearchResponse](a.content)
	switch {
	case err != nil:
		return err
	case found.Total != 0:
		return fmt.Errorf("%d were found under a number that was never given", found.Total)
	case !bytes.Contains(a.octets, []byte("urn:be:fgov:ehealth:2.0:status:DataNotFound")):
		return errors.New("the status DataNotFound is missing")
	}
	return nil
}

func cardDigest(ctx context.Context, r *run) error {
	if r.number == "" {
		return notTried("no notification was accepted")
	}
	a, err := r.call(ctx, soap.SOAP11, "GetImplantCard", samples.RequestValues{NotificationNumber: r.number})
	if err != nil {
		return err
	}
	response, err := wire.Decode[wire.GetImplantCardResponse](a.content)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(response.Card.Content)
	switch {
	case !bytes.HasPrefix(response.Card.Content, []byte("%PDF-")):
		return errors.New("it is no PDF")
	case !bytes.Equal(response.Card.Digest, sum[:]):
		return errors.New("the digest is another")
	}
	r.card = response.Card.Content
	return nil
}

func cardAttached(ctx context.Context, r *run) error {
	if r.card == nil {
		return notTried("there was no card to compare with")
	}
	a, err := r.call(ctx, soap.SOAP11, "GetImplantCard", samples.RequestValues{NotificationNumber: r.number}, "Accept", "multipart/related, text/xml")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/related") {
		return errors.New("it comes without a package")
	}
	response, err := wire.Decode[wire.GetImplantCardResponse](a.content)
	if err != nil {
		return err
	}
	if !bytes.Equal(response.Card.Content, r.card) {
		return errors.New("it is another card")
	}
	return nil
}

func packedRequest(ctx context.Context, r *run) error {
	request, err := r.maker.BuildRequest("ListPatientImplants", samples.RequestValues{})
	if err != nil {
		return err
	}
	message, err := r.maker.Sign(soap.SOAP11, r.Key, request)
	if err != nil {
		return err
	}
	media, data, err := samples.PackMTOM(soap.SOAP11, message)
	if err != nil {
		return err
	}
	a, err := r.post(ctx, samples.Message{Octets: data, ContentType: media})
	if err != nil {
		return err
	}
	return r.responds(a, soap.SOAP11, "ListPatientImplants")
}

func twelve(ctx context.Context, r *run) error {
	a, err := r.call(ctx, soap.SOAP12, "ListPatientImplants", samples.RequestValues{})
	if err != nil {
		return err
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/soap+xml") {
		return fmt.Errorf("its Content-Type is %s", got)
	}
	return nil
}

func noAction(ctx context.Context, r *run) error {
	_, err := r.call(ctx, soap.SOAP11, "ListPatientImplants", samples.RequestValues{}, "SOAPAction", "")
	return err
}

func lists(ctx context.Context, r *run) error {
	if r.implant == "" {
		return notTried("no notification was accepted")
	}
	carried, err := r.carries(ctx)
	if err == nil && !carried {
		err = errors.New("it is not listed")
	}
	return err
}

// isImplantListed reports whether the implant that testNotify registered is in the patient's list. It reads all pages.
func (r *run) carries(ctx context.Context) (bool, error) {
	const pages = 50
	for page := range pages {
		request, err := r.maker.BuildRequest("ListPatientImplants", samples.RequestValues{})
		if err != nil {
			return false, err
		}
		const perPage = 20
		request = strings.Replace(request, `Offset="0"`, fmt.Sprintf(`Offset="%d"`, page*perPage), 1)
		message, err := r.maker.Sign(soap.SOAP11, r.Key, request)
		if err != nil {
			return false, err
		}
		a, err := r.post(ctx, samples.NewMessage(soap.SOAP11, "ListPatientImplants", message))
		if err == nil {
			err = r.responds(a, soap.SOAP11, "ListPatientImplants")
		}
		if err != nil {
			return false, err
		}
		list, err := wire.Decode[wire.ListPatientImplantsResponse](a.content)
		if err != nil {
			return false, err
		}
		for i := range list.Implant {
			if list.Implant[i].ImplantID == r.implant {
				return true, nil
			}
		}
		if (page+1)*perPage >= list.Total {
			return false, nil
		}
	}
	return false, nil
}

func explants(ctx context.Context, r *run) error {
	if r.implant == "" {
		return notTried("no notification was accepted")
	}
	a, err := r.call(ctx, soap.SOAP11, "NotifyExplant", samples.RequestValues{ImplantID: r.implant})
	if err != nil {
		return err
	}
	response, err := wire.Decode[wire.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	if len(response.Implant) != 1 || response.Implant[0].Remaining != 0 {
		return errors.New("something of it remains")
	}
	carried, err := r.carries(ctx)
	if err == nil && carried {
		err = errors.New("it is still listed")
	}
	return err
}

func searchesDevices(ctx context.Context, r *run) error {
	a, err := r.call(ctx, soap.SOAP11, "SearchDevice", samples.RequestValues{})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("HTTP %d", a.status)
	}
	return err
}
