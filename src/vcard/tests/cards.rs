//! Cards of our own making, with the habits of the programs that write such cards.

/// macOS and iOS: item groups with labels, `X-ABADR`, a day without a year, messengers twice, a picture with a crop.
pub(super) const APPLE: &str = r"BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iPhone OS 17.4//EN
N:Weber;Anna;Maria;Dr.;
FN:Dr. Anna Maria Weber
X-PHONETIC-FIRST-NAME:Ana
ORG:Lilas & Cie\, SARL;Ventes
TITLE:Directrice
EMAIL;type=INTERNET;type=WORK;type=pref:anna@acme.example
item1.EMAIL;type=INTERNET:anna@home.example
item1.X-ABLabel:Vacances
TEL;type=CELL;type=VOICE;type=pref:+33 6 99 00 12 34
TEL;type=IPHONE;type=CELL;type=VOICE:06 99 00 12 35
item2.ADR;type=WORK;type=pref:;;12 rue des Lilas\nBât. B;Lyon;;69003;France
item2.X-ABADR:fr
item3.URL;type=pref:http\://acme.example
item3.X-ABLabel:_$!<HomePage>!$_
IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:anna@chat.example
X-JABBER;type=HOME;type=pref:anna@chat.example
item4.X-ABRELATEDNAMES:Paul
item4.X-ABLabel:_$!<Brother>!$_
BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-04-12
NOTE:Erste Zeile\nzweite\, mit Komma; und mehr
PHOTO;ENCODING=b;TYPE=JPEG;X-ABCROP-RECTANGLE=ABClipRect_1&0&0&4&4&x==:/9j/
 4AAQSkZJRg==
X-SOCIALPROFILE;type=twitter;x-user=anna:https://social.example/anna
CATEGORIES:Clients,Friends
UID:8F1C-ANNA
X-ABUID:8F1C\:ABPerson
REV:2024-05-01T10:00:00Z
END:VCARD
";

/// Google Contacts: no `UID`, a day as `--0412`, an eighth part of the address, custom labels.
pub(super) const GOOGLE: &str = r"BEGIN:VCARD
VERSION:3.0
FN:김민준
N:김;민준;;;
EMAIL;TYPE=INTERNET:minjun@acme.example
EMAIL;TYPE=INTERNET;TYPE=WORK:m.kim@work.example
TEL;TYPE=CELL:+82 10-9900-1234
TEL;TYPE=WORK;TYPE=FAX:+82 2-9900-1234
ADR;TYPE=HOME:;Apt 5;1 Teheran-ro;Seoul;;06000;South Korea;KR
item1.ADR:;;Somewhere 1;;;;
item1.X-ABLabel:Cabin
BDAY:--0412
ORG:;Research
NOTE:First note
NOTE:Second note
item2.X-ABDATE:2010-06-01
item2.X-ABLabel:_$!<Anniversary>!$_
CATEGORIES:myContacts
END:VCARD
";

/// Outlook 2.1: bare types, quoted-printable with soft breaks, an indented picture ended by an empty line.
pub(super) const OUTLOOK: &str = r#"BEGIN:VCARD
VERSION:2.1
N;LANGUAGE=de;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:M=FCller;J=FCrgen;;Herr
FN;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:J=FCrgen M=FCller
ORG:Muster GmbH;Vertrieb
TITLE:Leiter
NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Zeile eins, mit Gl=C3=BCck und ei=
nem Umbruch=0D=0A=
Zeile zwei=0D=0A
TEL;WORK;VOICE:+49 (89) 9900-0
TEL;CELL;VOICE:+49 171 9900123
ADR;WORK;PREF:;;Ringstr. 5;M\;nchen;;80331;Deutschland
LABEL;WORK;PREF;ENCODING=QUOTED-PRINTABLE:Ringstr. 5=0D=0A80331 M=3Bnchen
X-MS-OL-DEFAULT-POSTAL-ADDRESS:2
EMAIL;PREF;INTERNET:j.mueller@muster.example
X-MS-IMADDRESS:juergen@chat.example
PHOTO;TYPE=JPEG;ENCODING=BASE64:
 /9j/4AAQ
 SkZJRg==

X-MS-OL-DESIGN;CHARSET=utf-8:<card xmlns="http://x/y"><img align="left"/></card>
BDAY:19800229
REV:20240501T100000Z
END:VCARD
"#;

/// Nextcloud 4.0: groups by `CATEGORIES`, a phone number as URI, quoted parameters with colons, a `data:` picture.
pub(super) const NEXTCLOUD: &str = r#"BEGIN:VCARD
VERSION:4.0
PRODID:-//Sabre//Sabre VObject 4.5.4//EN
UID:urn:uuid:2b0c7f7e-0000-4000-8000-000000000001
FN:Nadia Ouali
N:Ouali;Nadia;;;;;
EMAIL;PREF=1;TYPE=work:nadia@acme.example
EMAIL;TYPE="home,x-old";X-NOTE="a: b^'c^'":nadia@home.example
TEL;VALUE=uri;TYPE="voice,work":tel:+1-555-010-0199;ext=12
ADR;LABEL="1 Main St: Suite 2^nSpringfield";GEO="geo:12.3,-45.6";TYPE=work:;Sui
 te 2;1 Main St;Springfield;IL;62701;USA
IMPP;PREF=1:skype:nadia.o
IMPP:xmpp:nadia@chat.example
BDAY:19850731
TITLE:CTO
ROLE:Boss
ORG:Acme;R&D
NOTE:Likes tea
PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg==
CATEGORIES:Clients,VIP\, gold
X-LONG:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
REV:20240501T100000Z
END:VCARD
"#;

/// Android's export: 2.1, a name in quoted-printable, old messengers, no `UID`.
pub(super) const ANDROID: &str = r"BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=89mile;Zo=C3=A9;;;
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Zo=C3=A9 =C3=89mile
TEL;CELL;PREF:0612345678
TEL;X-Bureau:0112345678
EMAIL;HOME:zoe@home.example
X-SKYPE-USERNAME:zoe.e
X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Zo;1;;;;;;;;;;;;;
NOTE:plain
END:VCARD
";

/// khard and other users of vobject: alphabetical, no display name, a number as free text.
pub(super) const KHARD: &str = r"BEGIN:VCARD
VERSION:3.0
BDAY:1990-05-01
EMAIL;TYPE=work:bob@acme.example
N:Stone;Bob;;;
TEL;TYPE=home:ask reception
UID:khard-1
X-ABSHOWAS:
END:VCARD
";

/// All of them.
pub(super) const ALL: [&str; 6] = [APPLE, GOOGLE, OUTLOOK, NEXTCLOUD, ANDROID, KHARD];

/// With the line ends of the network.
pub(super) fn crlf(card: &str) -> Vec<u8> {
    card.replace('\n', "\r\n").into_bytes()
}
