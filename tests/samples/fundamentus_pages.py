"""Pages in the manner of Fundamentus, with invented figures: tables of label and value cells."""

from __future__ import annotations

SHARE: dict[str, str] = {
    "Papel": "SMPL4",
    "Cotação": "30,41",
    "Tipo": "PN N2",
    "Data últ cot": "02/10/2026",
    "Empresa": "SAMPLE CO PN N2",
    "Min 52 sem": "27,53",
    "Setor": "Máquinas e Equipamentos",
    "Max 52 sem": "1.034,90",
    "Subsetor": "Motores",
    "Vol $ méd (2m)": "254.740.000",
    "Valor de mercado": "391.946.000.000",
    "Últ balanço processado": "30/06/2026",
    "Valor da firma": "706.028.000.000",
    "Nro. Ações": "12.888.700.000",
    "Dia": "-0,33%",
    "Mês": "1,67%",
    "30 dias": "3,16%",
    "12 meses": "-5,86%",
    "2026": "-7,31%",
    "P/L": "5,06",
    "LPA": "6,01",
    "P/VP": "0,93",
    "VPA": "32,81",
    "P/EBIT": "1,97",
    "PSR": "0,80",
    "Marg. Bruta": "48,2%",
    "Div. Yield": "10,6%",
    "ROE": "18,3%",
    "ROIC": "17,8%",
    "Dív Líq / Patrim": "-0,19",
    "Ativo": "1.212.040.000.000",
    "Patrim. Líq": "422.934.000.000",
    **dict.fromkeys(
        (
            "P/Ativos",
            "P/Cap. Giro",
            "P/Ativ Circ Liq",
            "EV / EBITDA",
            "EV / EBIT",
            "Cres. Rec (5a)",
            "Marg. EBIT",
            "Marg. Líquida",
            "EBIT / Ativo",
            "Liquidez Corr",
            "Giro Ativos",
        ),
        "-",
    ),
}
DEBTS = {"Dív. Bruta": "376.083.000.000", "Dív. Líquida": "-", "Disponibilidades": "-", "Ativo Circulante": "-"}
SHARE_RESULTS = {
    "Receita Líquida": ("491.446.000.000", "127.906.000.000"),
    "EBIT": ("198.756.000.000", "50.983.000.000"),
    "Lucro Líquido": ("77.522.000.000", "32.705.000.000"),
}
BANK = SHARE | {
    "Papel": "BANK4",
    "Valor da firma": "-",
    "P/EBIT": "-",
    "PSR": "-",
    "Marg. Bruta": "-",
    "ROIC": "-",
    "Depósitos": "102.809.000.000",
    "Cart. de Crédito": "173.606.000.000",
}
BANK_RESULTS = {
    "Result Int Financ": ("11.590.000.000", "3.149.000.000"),
    "Rec Serviços": ("13.582.000.000", "3.399.000.000"),
    "Lucro Líquido": ("46.437.000.000", "11.654.000.000"),
}
FUND: dict[str, str] = {
    "FII": "SMPL11",
    "Cotação": "158,50",
    "Nome": "SAMPLE LOGÍSTICA",
    "Data últ cot": "02/10/2026",
    "Mandato": "Renda",
    "Min 52 sem": "140,00",
    "Segmento": "Logística",
    "Max 52 sem": "165,00",
    "Gestão": "Ativa",
    "Vol $ méd (2m)": "8.500.000",
    "Valor de mercado": "5.350.000.000",
    "Nro. Cotas": "33.787.600",
    "Últ Info Trimestral": "30/06/2026",
    "Dia": "0,10%",
    "Mês": "0,40%",
    "30 dias": "1,20%",
    "12 meses": "7,25%",
    "FFO Yield": "7,9%",
    "FFO/Cota": "12,52",
    "Div. Yield": "8,4%",
    "Dividendo/cota": "13,20",
    "P/VP": "0,98",
    "VP/Cota": "161,73",
    "Ativos": "6.100.000.000",
    "Patrim Líquido": "5.464.000.000",
    "Qtd imóveis": "27",
    "Qtd Unidades": "81",
    "Área (m2)": "1.580.000",
    "Aluguel/m2": "283,10",
    "Preço do m2": "3.310,40",
    "Imóveis/PL do FII": "92,5%",
    "Cap Rate": "8,6%",
    "Vacância Média": "4,2%",
}
FUND_RESULTS = {
    "Receita": ("478.420.000", "125.081.000"),
    "Venda de ativos": ("0", "0"),
    "FFO": ("417.655.000", "102.300.000"),
    "Rend. Distribuído": ("446.000.000", "111.500.000"),
}
NOT_FOUND_TEXT = "Nenhum papel encontrado"


def page(
    cells: dict[str, str], results: dict[str, tuple[str, str]] | None = None, *, encoding: str = "iso-8859-1"
) -> bytes:
    """A page of these cells, two pairs a row; `results` have a value for twelve months and one for three."""
    pairs = [_pair(label, value) for label, value in cells.items()]
    rows = ["".join(pairs[n : n + 2]) for n in range(0, len(pairs), 2)]
    rows += [_pair(label, year) + _pair(label, quarter) for label, (year, quarter) in (results or {}).items()]
    table = "<table class='w728'>" + "".join(f"<tr>\n{row}</tr>" for row in rows) + "</table>"
    return _html(f"<div class='conteudo clearfix'>{table}</div>", encoding)


def share(*, encoding: str = "iso-8859-1", **changes: str) -> bytes:
    """The page of SMPL4."""
    return page(SHARE | DEBTS | changes, SHARE_RESULTS, encoding=encoding)


def bank() -> bytes:
    """The page of BANK4."""
    return page(BANK, BANK_RESULTS)


def fund() -> bytes:
    """The page of SMPL11."""
    return page(FUND, FUND_RESULTS)


def not_found() -> bytes:
    """What the site answers, with HTTP 200, for a ticker that it does not know."""
    return _html(f"<div class='conteudo clearfix'><h1>{NOT_FOUND_TEXT}</h1></div>", "iso-8859-1")


def _pair(label: str, value: str) -> str:
    hint = "<span class='help tips' title='o que é'>?</span>"
    return (
        f"<td class='label w2'>{hint}<span class='txt'>{label}</span></td>"
        f"<td class='data w3'><span class='txt'>\n          {value}</span></td>\n"
    )


def _html(body: str, encoding: str) -> bytes:
    head = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><title>FUNDAMENTUS</title>'
    return f"<!DOCTYPE HTML>\n<html lang='pt-br'><head>{head}</head><body>{body}</body></html>".encode(encoding)
