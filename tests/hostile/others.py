"""What exists, and what only its own customer learns."""

from collections.abc import Iterator

from tests.hostile.attack import JSON, REGISTRATION, Attack, form, json
from tests.hostile.people import THIEF, VICTIM
from tests.hostile.target import as_json


def others() -> Iterator[Attack]:
    group = "What exists, and what only its own customer learns"
    wrong = "弥生ID（メールアドレス）またはパスワードが違います"
    for what, yayoi_id in (("a known", VICTIM.yayoi_id), ("an unknown", "nobody@nusumi.example")):
        typed = {"yayoi_id": yayoi_id, "password": "wrong-1234"}
        yield Attack(
            group, f"a wrong password of {what} Yayoi ID", "`POST /sign-in`", form("/sign-in", typed), 422, wrong
        )
    for what, contract_id in (
        ("an existing contract", VICTIM.contract_id),
        ("a new contract ID", VICTIM.new_contract_id),
        ("a number that there is not", "7999999"),
    ):
        typed = {"contract_id": contract_id, "yayoi_id": THIEF.yayoi_id}
        yield Attack(
            group,
            f"{what} with an address that is not its own",
            "`POST /support-password`",
            form("/support-password", typed),
            422,
            "組み合わせが違います",
            VICTIM.secrets[:3],
        )
    for what, token in (
        ("another customer's", VICTIM.office_token),
        ("a made-up", "z" * 8 + "-zzzz" * 3 + "-" + "z" * 12),
    ):
        yield Attack(
            group,
            f"{what} office token of the right form",
            "`POST /token`",
            form("/token", {"office_token": token}),
            200,
            never=VICTIM.secrets[:4],
        )
    taken = "手続き中の別のお申し込みで使われています"
    for what, token, status, expected in (
        ("another customer's office token", VICTIM.spare_token, 200, ""),
        ("an office token that there is not", "c3333333-3333-4333-8333-333333333333", 200, ""),
        ("an office token in another open application (Y1)", VICTIM.office_token, 422, taken),
    ):
        asked = form("/apply", APPLICATION | {"offices.0.office_token": token})
        yield Attack(group, f"{what}, to be confirmed", "`POST /apply`", asked, status, expected, VICTIM.secrets[:2])
    for what, token in (("another customer's", VICTIM.spare_token), ("no", "c3333333-3333-4333-8333-333333333333")):
        question = as_json(yayoi_id=THIEF.yayoi_id, office_token=token)
        status, expected = (409, "事業グループ") if token == VICTIM.spare_token else (404, "登録されていません")
        yield Attack(
            group,
            f"{what} office token",
            "`POST /api/evidence/check`",
            json(JSON[2], question),
            status,
            expected,
            VICTIM.secrets[:2],
        )
    registered = REGISTRATION | dict.fromkeys(("yayoi_id", "yayoi_id_confirmation"), VICTIM.yayoi_id)
    expected = "弥生ID として登録済みです"
    yield Attack(
        group,
        "a registered address (the source says so)",
        "`POST /register`",
        form("/register", registered),
        422,
        expected,
    )


APPLICATION = {
    "rows": "1",
    "applicant.family_name": "盗田",
    "applicant.given_name": "次郎",
    "existing_contract_id": THIEF.contract_id,
    "accounting_link": "true",
    "network_product": "true",
    "offices.0.yayoi_id": "y5@nusumi.example",
    "offices.0.yayoi_id_confirmation": "y5@nusumi.example",
    "consents.stop_smart_import": "1",
    "consents.relink_required": "1",
}
"""A form that lacks its token; nobody confirms it."""
