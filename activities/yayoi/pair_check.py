"""Checking a pair against the registry (Y1, Y2, Y3, Y5)."""

from temporalio import activity

from activities.yayoi.cases import Pair, find_pair
from activities.yayoi.registry.protocols import Registry
from models.common.store.ledger import StepTransaction
from models.common.store.sessions import DatabaseSessions
from models.yayoi.follow_up import SET_UP_PAGE
from models.yayoi.messages import CheckResult, OfficeStep, PairProblem
from models.yayoi.pair_rules import PairRule
from models.yayoi.store.after_closing import has_something_open

_GO_ON = (
    f"お申し込み済みの事業所データに設定が残っているときは、お知らせメールが届いた弥生ID で{SET_UP_PAGE}に"
    "ログインして、続けてください。"
)


class PairCheckActivities:
    """Reads only: a check may be repeated, and returns what is true at that time."""

    def __init__(self, sessions: DatabaseSessions, registry: Registry) -> None:
        self._sessions = sessions
        self._registry = registry

    @activity.defn
    async def check_pair(self, step: OfficeStep) -> CheckResult:
        """Return every reason why the pair cannot be processed."""
        async with self._sessions() as session:
            pair = await find_pair(session, step.case_no, step.part)
            transaction = StepTransaction.to_read(session, step.at, step.case_no, step.part)
            problems = [*await self._of_yayoi_id(transaction, pair), *await self._of_token(transaction, pair)]
        return CheckResult(problems=tuple(problems))

    async def _of_yayoi_id(self, transaction: StepTransaction, pair: Pair) -> list[PairProblem]:
        if not await self._registry.yayoi_ids.is_registered(transaction, pair.yayoi_id):
            return [
                PairProblem(
                    rule=PairRule.ID_EXISTS,
                    acceptable=True,
                    message="入力されたメールアドレスは、弥生ID として登録されていません。STEP2 で登録してください。",
                )
            ]
        if pair.office.issued_contract_id:
            return await self._of_contract_id(transaction, pair)
        if await self._registry.yayoi_ids.group_of(transaction, pair.yayoi_id):
            return [
                PairProblem(
                    rule=PairRule.ID_IN_NO_GROUP,
                    message="入力された弥生ID は、すでに別の事業グループに参加しているため利用できません。"
                    f"別のメールアドレスを準備して、STEP2 で登録してください。{_GO_ON}",
                )
            ]
        if await has_something_open(transaction.session, pair.yayoi_id):
            message = (
                f"入力された弥生ID では、すでにお手続きが済み、設定だけが残っています。お申し込みは不要です。{_GO_ON}"
            )
            return [PairProblem(rule=PairRule.ID_IN_NO_GROUP, message=message)]
        return []

    async def _of_contract_id(self, transaction: StepTransaction, pair: Pair) -> list[PairProblem]:
        """会計連携の追加: the ID that was issued before is this Yayoi ID's own (Y9) and manages no office yet (Y1)."""
        contracts, contract_id = self._registry.contracts, pair.contract_id_to_attach
        if not await contracts.is_issued_to(transaction, contract_id, pair.yayoi_id):
            message = "入力されたサービス契約ID は、この弥生ID に発行されたものではありません。"
            return [PairProblem(rule=PairRule.ID_ISSUED_BEFORE, message=message)]
        if await contracts.manages_an_office(transaction, contract_id):
            message = (
                "入力されたサービス契約ID では、すでに別の事業所データを管理しています。"
                "サービス契約ID と事業所データは 1 対 1 です。"
            )
            return [PairProblem(rule=PairRule.ID_ISSUED_BEFORE, message=message)]
        return []

    async def _of_token(self, transaction: StepTransaction, pair: Pair) -> list[PairProblem]:
        offices = self._registry.offices
        if pair.token is None:
            return []
        if await offices.name_of(transaction, pair.token, pair.existing_contract_id) is None:
            return [
                PairProblem(
                    rule=PairRule.TOKEN_OF_THE_CONTRACT,
                    acceptable=await offices.exists(transaction, pair.token),
                    message="入力された事業所トークンは、ご契約の事業所データのものではありません。"
                    "STEP3 でもう一度確認してください。",
                )
            ]
        if await offices.is_managed(transaction, pair.token):
            return [
                PairProblem(
                    rule=PairRule.ONE_TO_ONE,
                    message="この事業所データは、すでに『スマート証憑管理』で管理されています。お申し込みは不要です。"
                    + _GO_ON,
                )
            ]
        return []
