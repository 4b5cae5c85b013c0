"""What a circle says when it refuses, in the reader's language, with the facts in their places."""

from __future__ import annotations

from shop.i18n import _l, amount_text
from shop.money import Money
from shop.tontines.refusals import TontineRefused, Why

SENTENCES = {
    Why.RULES_UNREADABLE: _l("Ce texte n’est pas un règlement que nous avons écrit."),
    Why.KIND_OFF: _l("L’épargne avec prêts n’est pas ouverte dans ce pays."),
    Why.SHARES_OUT_OF_RANGE: _l("Le nombre de parts va de %(least)s à %(most)s."),
    Why.ROUNDS_NOT_WHOLE: _l(
        "%(shares)s parts ne se partagent pas en tours de %(recipients)s bénéficiaires."
    ),
    Why.AMOUNT_OUT_OF_RANGE: _l(
        "La cotisation va de %(least)s à %(most)s, par multiples de 5. Une caisse de secours "
        "seule n’a pas de cotisation au pot."
    ),
    Why.CURRENCIES_MIXED: _l("Une tontine a une seule monnaie."),
    Why.SETTING_OUT_OF_RANGE: _l("Le réglage « %(setting)s » dépasse ce qui est permis."),
    Why.CALENDAR_INCOMPLETE: _l("Choisissez les jours qui conviennent à ce rythme."),
    Why.LATE_POLICY_INCOMPLETE: _l(
        "En cas de retard, chaque mesure sert une fois et la dernière est de payer ce qui est là."
    ),
    Why.LOANS_OFF: _l("Les petits lots sont des prêts : ils ne sont pas ouverts dans ce pays."),
    Why.FLOWS_DO_NOT_MATCH: _l(
        "Au rang %(rank)s, une part verse %(paid)s et recevrait %(received)s. Dans une tontine, "
        "chaque part reçoit sur le cycle ce qu’elle a versé. Ce plan est refusé."
    ),
    Why.DEPENDS_ON_RECRUITING: _l(
        "Ce plan dépend de nouvelles personnes à amener. Une tontine ne paie jamais les anciens "
        "avec l’argent des suivants. Ce plan est refusé."
    ),
    Why.STRANGERS_NEED_A_DRAW: _l(
        "Entre inconnus, l’ordre est toujours tiré au sort : personne ne choisit son rang."
    ),
    Why.DATE_OUT_OF_ORDER: _l(
        "La date du tour %(round)s doit rester entre celles du tour d’avant et du tour d’après."
    ),
    Why.NOT_THE_SAME_SHARES: _l("L’ordre doit nommer chaque part, une seule fois."),
    Why.TOO_MANY_SHARES: _l(
        "Une personne tient %(held)s parts : c’est trop pour ce groupe (au plus %(most)s)."
    ),
    Why.TURNS_TOO_CLOSE: _l(
        "Le rang %(rank)s vient trop tôt après un autre rang de la même personne : il faut un "
        "écart de %(gap)s."
    ),
    Why.NEWCOMER_TOO_EARLY: _l(
        "Pour un premier cycle, le rang commence à %(least)s, sauf si un garant signe."
    ),
    Why.TWO_POTS_ONE_ROUND: _l(
        "Personne ne reçoit deux pots dans un tour sans l’accord de tous. Accords qui "
        "manquent : %(missing)s."
    ),
    Why.ALREADY_SERVED: _l("La part %(share)s a déjà reçu son pot."),
    Why.SHARE_GONE: _l("La part %(share)s n’est plus dans ce cycle."),
    Why.NOT_YOUR_SHARE: _l(
        "Un échange se fait entre deux personnes, et seule l’une d’elles le propose."
    ),
    Why.NOT_UP_TO_DATE: _l("Il faut d’abord être à jour de toutes ses cotisations."),
    Why.TOO_NEAR_A_PAYOUT: _l("Un pot est payé dans moins de 24 heures : l’ordre ne change plus."),
    Why.SWAP_EXPIRED: _l("Cet échange n’a pas été confirmé en 48 heures. Proposez-le de nouveau."),
    Why.REMAINDER_DUE: _l("Il reste %(amount)s à verser."),
    Why.EXIT_NEEDS_REPLACEMENT: _l(
        "Quand un tour sert plusieurs parts, on part seulement si quelqu’un reprend la part."
    ),
    Why.GUARANTOR_NEEDED: _l("Il faut un garant pour %(amount)s."),
    Why.ANSWER_TIME_RUNNING: _l("La personne a sept jours pour répondre avant toute exclusion."),
    Why.PART_TOO_SMALL: _l("Le plus petit versement est de %(least)s."),
    Why.BAD_WORD: _l(
        "Le mot a au plus 20 signes : lettres minuscules sans accent, chiffres ou tiret."
    ),
    Why.BAD_SEED: _l("La graine n’est pas écrite comme il faut."),
    Why.DISCOUNT_OVER_CAP: _l("La décote est au plus de %(most)s."),
    Why.DISCOUNT_TOO_SMALL: _l("La décote est au moins de %(least)s."),
    Why.BIDS_CLOSED: _l("Cette enchère n’est pas ouverte en ce moment."),
    Why.LAST_SHARE: _l("C’est la dernière part : elle reçoit tout le pot, sans enchère."),
    Why.BID_NOT_OPENED: _l("L’offre de la part %(share)s n’est pas celle qui avait été scellée."),
    Why.SIGNER_IS_RECIPIENT: _l("On ne signe pas pour de l’argent qu’on reçoit soi-même."),
    Why.SIGNER_NOT_OFFICER: _l("Seul le bureau signe une sortie d’argent."),
    Why.SIGNATURES_EXPIRED: _l(
        "Deux signatures sont attendues en 24 heures : refaites la demande."
    ),
    Why.OFFICERS_JUST_CHANGED: _l("Le bureau a changé : aucun argent ne sort avant le %(until)s."),
    Why.NOT_NOW: _l("Ce n’est pas le moment : le groupe n’en est pas là."),
    Why.FROZEN: _l("Ce groupe est gelé : rien n’y bouge pour le moment."),
    Why.NOT_FULL: _l("Il y a %(taken)s parts prises sur %(shares)s."),
    Why.RULES_NOT_ACCEPTED: _l(
        "Tout le monde n’a pas encore accepté le règlement : il en manque %(missing)s."
    ),
    Why.BUREAU_INCOMPLETE: _l(
        "Il faut deux personnes différentes parmi présidente, trésorière et commissaire."
    ),
    Why.NOT_ALLOWED: _l("Votre place dans le groupe ne permet pas cela."),
    Why.INVITE_CLOSED: _l("Cette invitation n’est plus valable."),
    Why.CASH_IS_CONFIRMED_BY_ANOTHER: _l(
        "Les espèces sont confirmées par la personne qui les a données, ou par un autre membre du bureau."
    ),
    Why.DRAW_NOT_SHOWN: _l("Le tirage n’a pas encore été dévoilé."),
}


def sentence(refusal: TontineRefused) -> str:
    """Word a refusal for the person who met it."""
    facts = {
        name: amount_text(fact) if isinstance(fact, Money) else fact
        for name, fact in refusal.facts.items()
    }
    return str(SENTENCES[refusal.why]) % facts
