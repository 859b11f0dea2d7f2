"""How a model refuses, and talks about its task, in languages other than English: German, French, Spanish, Italian,
Portuguese and Chinese.
"""

import re

REFUSES = re.compile(
    r"\bals (?:eine? )?(?:ki|künstliche intelligenz|(?:ki-)?sprachmodell|ki-assistent)\b"
    r"|\bich kann (?:ihnen |dir |das |dies |diesen |den |dabei |leider )*(?:\w+ )?nicht (?:helfen|fortsetzen|fortführen"
    r"|übersetzen)"
    r"|\btut mir (?:sehr )?leid, (?:aber )?(?:ich kann|das kann ich)\b[^.!?]{0,60}\bnicht (?:helfen|fortsetzen|übersetzen"
    r"|beantworten)"
    r"|\ben tant qu(?:e |['’])(?:ia|intelligence artificielle|modèle|assistant)\b"
    r"|\bje ne peux (?:malheureusement )?pas (?:continuer (?:le|ce|votre)|vous aider|traduire|fournir|poursuivre (?:le|ce))"
    r"|\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente virtual|inteligência artificial"
    r"|modelo de linguagem)\b"
    r"|\bno puedo (?:continuar (?:el|este|con el)|ayudarte|ayudarle|traducir|proporcionar)"
    r"|\bcome (?:un['’]?\s?)?(?:ia|intelligenza artificiale|modello linguistico)\b|\bnon posso (?:aiutarti|aiutarla"
    r"|tradurre|continuare (?:il|questo))"
    r"|\bnão posso (?:ajud|traduzir|continuar (?:o|este))"
    r"|作为(?:一个|一名|一款)?(?:人工智能|AI|语言模型)|我(?:无法|不能|没办法)(?:续写|继续(?:写|这)|翻译|提供|帮助您|协助)",
    re.I,
)
TALKS = re.compile(
    r"\bhier (?:ist|sind|kommt) (?:die|eine|der|ihre?|meine) (?:\w+ ){0,2}(?:fortsetzung|übersetzung)\b|^(?:fortsetzung"
    r"|übersetzung)[^:\n]{0,30}:"
    r"|\bder (?:text|satz) (?:lautet|bedeutet|beschreibt|wird|heißt) (?:auf|dass|übersetzt|wie)\b"
    r"|\bins deutsche übersetzt\b|\bauf deutsch (?:heißt|lautet)\b"
    r"|\bvoici (?:une?|la|le|votre) (?:\w+ )?(?:suite|traduction)\b|^(?:suite|traduction)[^:\n]{0,30}:"
    r"|\bla traduction (?:est|en|du texte|de)\b[^.\n]{0,30}:"
    r"|\baquí (?:está|tienes|tiene|va) (?:la|una|el|tu) (?:\w+ )?(?:continuación|traducción)\b|^(?:continuación"
    r"|traducción)[^:\n]{0,30}:|\bla traducción (?:es|al|del texto)\b"
    r"|\becco (?:la|una) (?:\w+ )?(?:continuazione|traduzione)\b|^traduzione[^:\n]{0,30}:|\baqui está (?:a"
    r"|uma) (?:\w+ )?(?:continuação|tradução)\b|^tradução[^:\n]{0,30}:"
    r"|以下是|(?:这是|下面是).{0,6}(?:续写|翻译|译文)|(?:翻译|译文|续写)(?:如下|为)?[:：]|(?:这句话|原文|该句)的?(?:意思|翻译)是",
    re.I | re.M,
)
