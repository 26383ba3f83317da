<?php

/**
 * A complete client of the register in PHP: an implantation, its search, its implant card, the explantation, and a refusal.
 *
 * What to copy into a package of yours: SignedSoapClient.php (EcdsaKey.php for an EC key, Mtom.php for MTOM), and here
 * the functions register() and refusal().
 */

declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php'; // xmlseclibs: "composer install", or what toolkit.json does
require __DIR__ . '/SignedSoapClient.php';
require __DIR__ . '/EcdsaKey.php';
require __DIR__ . '/Mtom.php';

const SURGEON = '78031412250';
const PATIENT = '48022907379';

/** A client of the service at $url that trusts the authorities in the PEM file $ca only. */
function register(string $url, string $ca, string $p12, string $password, string $soap, bool $packed): SignedSoapClient
{
    // A file that an older program made fails here on a PHP with OpenSSL 3; "ctr cert convert" writes it anew.
    if (!openssl_pkcs12_read(read($p12), $identity, $password)) {
        throw new RuntimeException("cannot open $p12: " . openssl_error_string());
    }
    $mtom = $packed ? new Mtom($soap === '1.2' ? 'application/soap+xml' : 'text/xml') : null;
    $context = stream_context_create([
        'ssl' => ['cafile' => $ca, 'verify_peer' => true, 'verify_peer_name' => true],
        'http' => $packed ? ['content_type' => $mtom->contentType()] : [],
    ]);

    return new SignedSoapClient(
        $url . ($soap === '1.2' ? '?wsdl=soap12' : '?wsdl'),
        $identity['cert'],
        $identity['pkey'],
        [
            'soap_version' => $soap === '1.2' ? SOAP_1_2 : SOAP_1_1,
            // The WSDL is fetched through this context too.
            'stream_context' => $context,
            // An element that may occur more than once is always an array, also when it occurs once.
            'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
            // In production WSDL_CACHE_MEMORY. The default also writes to the folder for temporary files.
            'cache_wsdl' => WSDL_CACHE_NONE,
            'connection_timeout' => 10, // to connect; default_socket_timeout below is for the answer
        ],
        $mtom
    );
}

/** What every request begins with: its id, its instant, and who acts inside the organisation whose certificate signs. */
function request(array $content): array
{
    return [
        'Id' => '_' . bin2hex(random_bytes(8)),
        'IssueInstant' => gmdate('Y-m-d\TH:i:s\Z'),
        'Author' => ['HcParty' => [[
            'Id' => [['Type' => 'urn:be:fgov:person:ssin', '_' => SURGEON]],
            'FirstName' => ['Anna'],
            'Name' => 'Claes',
        ]]],
    ] + $content;
}

/** The implantation of a component of a knee, two days ago. */
function implantation(string $serial): array
{
    return [
        'Specialist' => ['SSIN' => SURGEON],
        'OperationDate' => daysAgo(2),
        'Patient' => PATIENT,
        'Prescriber' => ['NIHII' => '17800389480'],
        'PrescriptionDate' => daysAgo(19),
        'Comment' => 'revision of the left knee',
        'Implant' => [[
            'NotificationCode' => '000071200176',
            'UDI' => '(01)05410000001047(17)291231(10)L2201(21)' . $serial,
            'Quantity' => 1,
            'Location' => 'left knee',
            'Side' => 'Left',
        ]],
    ];
}

function read(string $file): string
{
    $content = @file_get_contents($file);
    if ($content === false) {
        throw new RuntimeException("cannot read $file");
    }

    return $content;
}

function daysAgo(int $days): string
{
    return date('Y-m-d', strtotime("-$days days"));
}

function expect(bool $condition, string $what): void
{
    if (!$condition) {
        throw new RuntimeException("not as expected: $what");
    }
}

/**
 * What a fault tells: the code, the words in English, and everything that was wrong, with its place in the request.
 * SoapFault itself loses the attributes, and its message is in English with SOAP 1.1 and in Dutch with SOAP 1.2.
 */
function refusal(SignedSoapClient $register): array
{
    $fault = new DOMXPath($register->reply());
    $violations = [];
    foreach ($fault->query('//*[local-name()="Violation"]') as $violation) {
        $violations[] = ['code' => $violation->getAttribute('Code'), 'path' => $violation->getAttribute('Path')];
    }

    return [
        'code' => $fault->evaluate('string(//*[local-name()="BusinessError" or local-name()="SystemError"]/Code)'),
        'message' => $fault->evaluate('string(//*[local-name()="Message" and (@lang="en" or @xml:lang="en")])'),
        'violations' => $violations,
    ];
}

/** The main job, once. Returns what a caller would want to keep. */
function walk(SignedSoapClient $register, string $card): array
{
    $serial = 'P-' . strtoupper(bin2hex(random_bytes(6)));
    // Your own key for this submission. Sent again with the same content, it gives the same receipt and stores nothing.
    $reference = 'PHP-' . bin2hex(random_bytes(8));

    $notified = $register->notifyImplant(request([
        'InputReference' => $reference,
        'Save' => 'Final',
        'Implantation' => implantation($serial),
    ]));
    $number = $notified->Receipt->NotificationNumber;
    $implant = $notified->Implant[0];
    expect($implant->SerialNumber === $serial && $implant->LotNumber === 'L2201', 'lot and serial number come from the UDI');
    expect($implant->ExpiryDate === '2029-12-31', 'the expiry date comes from the UDI');
    expect(empty($notified->Warning), 'no warning');

    $found = $register->search(request([
        'Offset' => 0,
        'MaxElements' => 20,
        'Criteria' => ['ByNotification' => ['NotificationNumber' => $number]],
    ]));
    expect($found->Total === 1 && $found->Notification[0]->NotificationNumber === $number, 'the search finds it');

    // Content and Digest are base64 on the line; SoapClient has decoded both.
    $pdf = $register->getImplantCard(request(['Of' => ['NotificationNumber' => $number]]))->Card;
    expect(hash_equals($pdf->Digest, hash('sha256', $pdf->Content, true)), 'the digest of the card is that of its content');
    expect(file_put_contents($card, $pdf->Content) === strlen($pdf->Content), "the card is written to $card");

    $removed = $register->notifyExplant(request([
        'InputReference' => "$reference-x",
        'Explantation' => [
            'Specialist' => ['SSIN' => SURGEON],
            'OperationDate' => daysAgo(1),
            'Patient' => PATIENT,
            'Explant' => [['ImplantId' => $implant->ImplantId, 'Quantity' => 1, 'Reason' => 'loosening']],
        ],
    ]));
    expect($removed->Implant[0]->Remaining === 0, 'nothing remains of the implant');

    $wrong = implantation($serial);
    $wrong['PrescriptionDate'] = daysAgo(0);
    $wrong['Implant'][0]['LotNumber'] = 'L9999';
    try {
        $register->notifyImplant(request(['InputReference' => "$reference-w", 'Implantation' => $wrong]));
        throw new RuntimeException('not as expected: a notification with two mistakes is refused');
    } catch (SoapFault) {
        $refused = refusal($register);
    }
    expect(count($refused['violations']) === 2, 'both mistakes are told');

    return [
        'number' => $number,
        'device' => $implant->Device->Name,
        'found' => $found->Total,
        'card' => $card,
        'explanted' => $removed->Receipt->NotificationNumber,
        'refused' => $refused,
    ];
}

function main(): int
{
    ini_set('display_errors', 'stderr');
    ini_set('default_socket_timeout', '20');
    $options = getopt('', ['url:', 'ca:', 'p12:', 'password-file:', 'card:', 'soap:', 'mtom']);
    foreach (['url', 'ca', 'p12', 'password-file', 'card'] as $name) {
        if (!is_string($options[$name] ?? null)) {
            fwrite(STDERR, "--$name is missing, or there twice\n");
            return 1;
        }
    }
    $soap = $options['soap'] ?? '1.1';
    $packed = isset($options['mtom']);
    try {
        $password = rtrim(read($options['password-file']), "\r\n");
        $register = register($options['url'], $options['ca'], $options['p12'], $password, $soap, $packed);
        $kept = walk($register, $options['card']);
    } catch (SoapFault $fault) {
        // Without a detail it was not the register that spoke: no connection, no WSDL, or a request that does not fit it.
        if (isset($fault->detail)) {
            $refused = refusal($register);
            fwrite(STDERR, implode(', ', array_column($refused['violations'], 'code')) . ": $refused[message]\n");
        } else {
            fwrite(STDERR, $fault->getMessage() . "\n");
        }
        return 1;
    } catch (RuntimeException $error) {
        fwrite(STDERR, $error->getMessage() . "\n");
        return 1;
    }
    $about = [
        'toolkit' => 'PHP ' . PHP_VERSION . ' SoapClient, xmlseclibs',
        'soap' => $soap,
        'key' => $register->keyType(),
        'mtom' => $packed,
    ];
    echo json_encode($about + $kept, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";

    return 0;
}

exit(main());
