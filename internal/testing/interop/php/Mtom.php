<?php

declare(strict_types=1);

/**
 * Puts a message into the form that MTOM sends it in, and takes it out again; SoapClient knows nothing of multipart.
 *
 * Leave this file out unless you want it: without it the card comes as base64 in the reply, a third longer.
 */
class Mtom
{
    private const XOP = 'http://www.w3.org/2004/08/xop/include';

    private readonly string $boundary;

    /** @param string $soapType "text/xml" for SOAP 1.1, "application/soap+xml" for SOAP 1.2 */
    public function __construct(private readonly string $soapType)
    {
        $this->boundary = 'part-' . bin2hex(random_bytes(16));
    }

    /** The Content-Type of every message packed by this object, for the option http/content_type of the stream context. */
    public function contentType(): string
    {
        return 'multipart/related; type="application/xop+xml"; start="<envelope>"; '
            . "start-info=\"$this->soapType\"; boundary=\"$this->boundary\"";
    }

    public function pack(string $envelope): string
    {
        return "--$this->boundary\r\n"
            . "Content-Type: application/xop+xml; charset=UTF-8; type=\"$this->soapType\"\r\n"
            . "Content-Transfer-Encoding: binary\r\n"
            . "Content-ID: <envelope>\r\n\r\n"
            . "$envelope\r\n--$this->boundary--\r\n";
    }

    /** The envelope of a reply, with every attachment put back where it belongs, as base64. */
    public function unpack(string $reply): string
    {
        if (!str_starts_with($reply, '--')) {
            return $reply; // not packed
        }
        $parts = [];
        foreach (explode("\r\n" . strstr($reply, "\r\n", true), "\r\n$reply") as $part) {
            [$head, $content] = explode("\r\n\r\n", $part, 2) + [1 => ''];
            if (preg_match('/^Content-ID:\s*<([^>]+)>/mi', $head, $id)) {
                $parts[$id[1]] = $content;
            }
        }
        $document = new DOMDocument();
        $document->loadXML((string) reset($parts), LIBXML_NONET | LIBXML_PARSEHUGE);
        foreach (iterator_to_array($document->getElementsByTagNameNS(self::XOP, 'Include')) as $include) {
            $id = rawurldecode(substr($include->getAttribute('href'), strlen('cid:')));
            $content = $parts[$id] ?? throw new RuntimeException("the reply lacks its attachment $id");
            $include->parentNode->replaceChild($document->createTextNode(base64_encode($content)), $include);
        }

        return $document->saveXML();
    }
}
