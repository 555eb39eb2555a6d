"""The cast: who complains, and who answers."""

from casefile.complaint import Complainant
from casefile.office import Office

LI_WEI = Complainant(name="李伟", email="li.wei@customer.example", phone="+8613800138000")
WANG_FANG = Complainant(name="王芳", email="wang.fang@customer.example", language="zh")
ANONYMOUS = Complainant()

DESK = Office(id="desk", names={"zh": "投诉处理中心", "en": "Complaints Desk"}, level="head", email="desk@bank.example")
NANHU = Office(
    id="nanhu",
    names={"zh": "南湖支行", "en": "Nanhu Branch"},
    parent="desk",
    email="nanhu@bank.example",
    regions=("南湖区",),
    products=("loan", "card"),
    aliases=("南湖",),
)
XICHENG = Office(
    id="xicheng",
    names={"zh": "西城支行", "en": "Xicheng Branch"},
    parent="desk",
    email="xicheng@bank.example",
    regions=("西城区",),
    products=("deposit",),
    aliases=("西城",),
)
OFFICES = (DESK, NANHU, XICHENG)
