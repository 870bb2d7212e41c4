import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.text.korean import romaja

# The examples of the standard, without its hyphens and capitals.
_OFFICIAL = """
구미 gumi, 영동 yeongdong, 백암 baegam, 옥천 okcheon, 합덕 hapdeok, 호법 hobeop, 월곶 wolgot,
벚꽃 beotkkot, 한밭 hanbat, 구리 guri, 설악 seorak, 칠곡 chilgok, 임실 imsil, 울릉 ulleung,
대관령 daegwallyeong, 백마 baengma, 종로 jongno, 왕십리 wangsimni, 별내 byeollae, 신라 silla,
해돋이 haedoji, 같이 gachi, 맞히다 machida, 좋고 joko, 놓다 nota, 낳지 nachi, 묵호 mukho,
집현전 jiphyeonjeon, 압구정 apgujeong, 낙동강 nakdonggang, 죽변 jukbyeon, 낙성대 nakseongdae,
합정 hapjeong, 팔당 paldang, 샛별 saetbyeol, 울산 ulsan, 중앙 jungang, 반구대 bangudae,
세운 seun, 해운대 haeundae, 부산 busan, 세종 sejong, 충청북도 chungcheongbukdo, 제주도 jejudo,
남산 namsan, 속리산 songnisan, 금강 geumgang, 독도 dokdo, 경복궁 gyeongbokgung,
무량수전 muryangsujeon, 연화교 yeonhwagyo, 극락전 geungnakjeon, 안압지 anapji,
남한산성 namhansanseong, 화랑대 hwarangdae, 불국사 bulguksa, 현충사 hyeonchungsa,
독립문 dongnimmun, 오죽헌 ojukheon, 촉석루 chokseongnu, 종묘 jongmyo, 다보탑 dabotap,
광희문 gwanghuimun
"""


@pytest.mark.parametrize("example", _OFFICIAL.replace("\n", " ").split(","))
def test_examples_of_the_standard(example):
    hangul, latin = example.split()
    assert romaja(hangul) == latin


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        *(
            ("많아", "mana"),
            ("않고", "anko"),
            ("앓아", "ara"),
            ("앓는", "alleun"),
            ("좋소", "joso"),
        ),
        *(
            ("읽어", "ilgeo"),
            ("닭", "dak"),
            ("값이", "gapsi"),
            ("밖에", "bakke"),
            ("있어", "isseo"),
        ),
        *(
            ("앉히다", "anchida"),
            ("붙여", "buchyeo"),
            ("핥이다", "halchida"),
            ("굳히다", "guchida"),
        ),
        *(("밥물", "bammul"), ("꽃잎", "kkochip"), ("ㅋㅋㅠㅠ", "kkyuyu"), ("ㅇㅇ", "ngng")),
        *(("\u1112\u1161\u11ab국", "hanguk"), ("韓國 KBS２", "韓國 KBS2"), ("", "")),
    ],
)
def test_rules_where_they_meet(hangul, latin):
    assert romaja(hangul) == latin


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1))
def test_any_syllables_become_latin(hangul):
    assert re.fullmatch("[a-z]+", romaja(hangul))
