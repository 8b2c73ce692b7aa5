"""One key per case: whose it is, and what can be read with it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.encryption import (
    FORGOTTEN,
    HOUSE,
    KEY_BYTES,
    CaseKey,
    MasterKey,
    MasterKeyRing,
    UnknownMasterKeyError,
    UnreadableError,
    WrappedKey,
    is_key_id,
    key_owner,
    new_key,
)
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.webhooks.messages import webhook_workflow_id
from models.yayoi.address_checks import CheckPurpose, check_workflow_id
from models.yayoi.drafts import DraftRef
from models.yayoi.enquiries import EnquiryRef
from models.yayoi.identifiers import (
    ApplicationNo,
    application_workflow_id,
    ended_record_workflow_id,
    link_mail_workflow_id,
    office_workflow_id,
)
from models.yayoi.member_invitations import Invitation
from models.yayoi.provider_forms.refused import refused_form_workflow_id
from workers.schedules import BOUNCES, DIGEST, RECONCILIATION
from workers.wiring.root import WORKFLOWS

NUMBER = ApplicationNo("YS-000123")
ID = UUID("0f0c5f0e-6a4e-4d53-9f8e-5a1d5f6c0f01")
OF_A_REGISTRATION = (registration_workflow_id(RegistrationNo("MR-000007")), "myics/MR-000007")
OWNERS = {
    "MultiOfficeApplication": (application_workflow_id(NUMBER), "application/YS-000123"),
    "OfficeDataProcedure": (office_workflow_id(NUMBER, 2), "application/YS-000123"),
    "EndedOfficeRecord": (ended_record_workflow_id(NUMBER, str(ID)), "application/YS-000123"),
    "CaseLinkMail": (link_mail_workflow_id(NUMBER, None, "490000/1"), "application/YS-000123"),
    "DraftMail": (DraftRef(draft_id=ID, mail_no=2).workflow_id, f"draft/{ID}"),
    "MorningDigest": (f"{DIGEST}-workflow-2026-11-30T08:30:00Z", HOUSE),
    "DailyReconciliation": (f"{RECONCILIATION}-2026-11-30T06:00:00Z", HOUSE),
    "BounceReading": (f"{BOUNCES}-2026-11-30T06:00:00Z", HOUSE),
    "YayoiIdRegistration": (check_workflow_id(CheckPurpose.REGISTRATION, ID), f"registration/{ID}"),
    "PasswordSetting": (check_workflow_id(CheckPurpose.NEW_PASSWORD, ID), f"password/{ID}"),
    "MemberInvitation": (Invitation.of_row(ID).workflow_id, f"invitation/{ID}"),
    "EnquiryForwarding": (EnquiryRef(receipt_no="Q-000001").workflow_id, "enquiry/Q-000001"),
    "WebhookDelivery": (webhook_workflow_id("msg_1"), "webhook/msg_1"),
    "RefusedForm": (refused_form_workflow_id(7), "refused-form/7"),
    "RepresentativeRegistration": OF_A_REGISTRATION,
    "UserInvitation": OF_A_REGISTRATION,
    "ClientRegistration": OF_A_REGISTRATION,
    "PasswordRenewal": OF_A_REGISTRATION,
    "AddressChange": OF_A_REGISTRATION,
    "ClientBatch": (registration_workflow_id(BatchNo("MB-000007")), "myics/MB-000007"),
}


def test_the_key_of_every_workflow_has_an_owner_and_an_application_shares_its_own_with_its_offices() -> None:
    assert OWNERS.keys() == {workflow.__name__ for workflow in WORKFLOWS}
    for workflow_id, owner in OWNERS.values():
        assert key_owner(workflow_id) == owner
        assert is_key_id(owner)


@pytest.mark.parametrize("workflow_id", [None, "", "/", "a/", "/b", "reconciliation-now"])
def test_what_belongs_to_no_case_is_the_house_s(workflow_id: str | None) -> None:
    assert key_owner(workflow_id) == HOUSE


@given(st.binary(max_size=500))
def test_what_was_encrypted_is_read_with_its_key_in_its_namespace_under_its_key_id_alone(data: bytes) -> None:
    value = new_key()
    key = CaseKey("application/YS-000001", value)
    encrypted = key.encrypt("default", data)
    assert key.decrypt("default", encrypted) == data
    assert encrypted != key.encrypt("default", data)
    for other, namespace in (
        (key, "elsewhere"),
        (CaseKey("application/YS-000002", value), "default"),
        (CaseKey("application/YS-000001", new_key()), "default"),
    ):
        with pytest.raises(UnreadableError):
            other.decrypt(namespace, encrypted)


@given(st.data())
def test_what_was_altered_or_is_no_encrypted_text_at_all_is_unreadable(data: st.DataObject) -> None:
    key = CaseKey("application/YS-000001", new_key())
    encrypted = bytearray(key.encrypt("default", b"x"))
    encrypted[data.draw(st.integers(0, len(encrypted) - 1))] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(encrypted), data.draw(st.binary(max_size=40))):
        with pytest.raises(UnreadableError):
            key.decrypt("default", broken)


def test_a_forgotten_key_is_another_each_time() -> None:
    one, other = CaseKey.forgotten(), CaseKey.forgotten()
    assert one.key_id == other.key_id == FORGOTTEN
    with pytest.raises(UnreadableError):
        other.decrypt("default", one.encrypt("default", b"x"))


def test_a_case_s_key_is_unwrapped_by_its_master_key_for_its_owner_alone() -> None:
    first, second = MasterKey.new(), MasterKey.new()
    key = new_key()
    stored = MasterKeyRing([first]).wrap("application/YS-000001", key)
    assert stored.master_key_id == first.key_id
    assert key not in stored.wrapped
    assert MasterKeyRing([second, first]).unwrap("application/YS-000001", stored) == key
    with pytest.raises(UnreadableError):
        MasterKeyRing([first]).unwrap("application/YS-000002", stored)
    with pytest.raises(UnreadableError):
        MasterKeyRing([second]).unwrap("application/YS-000001", WrappedKey(second.key_id, stored.wrapped))
    with pytest.raises(UnknownMasterKeyError, match=first.key_id):
        MasterKeyRing([second]).unwrap("application/YS-000001", stored)


def test_rewrapping_changes_the_master_key_and_not_the_case_s() -> None:
    old, new = MasterKey.new(), MasterKey.new()
    key = new_key()
    stored = MasterKeyRing([old]).wrap("house", key)
    again = MasterKeyRing([new, old]).rewrap("house", stored)
    assert again.master_key_id == new.key_id
    assert MasterKeyRing([new]).unwrap("house", again) == key


def test_no_key_is_shown_in_any_text() -> None:
    value = new_key()
    for shown in (MasterKey(value), CaseKey("house", value), MasterKeyRing([MasterKey(value)])):
        assert value.hex() not in f"{shown!r} {shown}"
        assert repr(value) not in f"{shown!r} {shown}"
    with pytest.raises(ValueError, match=f"{KEY_BYTES} bytes"):
        MasterKey(b"short")


@pytest.mark.parametrize("text", ["", "a b", "é", "a\0", "x" * 256, "\n"])
def test_what_cannot_be_the_id_of_a_key_is_not_asked_for(text: str) -> None:
    assert not is_key_id(text)
