using ShopMesh.Payment.Data;

namespace ShopMesh.Payment;

/// <summary>A card's number (ISO/IEC 7812), for as long as it takes to swap it for a token.</summary>
internal readonly struct CardNumber
{
    private readonly string _digits;

    private CardNumber(string digits) => _digits = digits;

    public string Last4 => _digits[^4..];

    public string Brand => _digits switch
    {
        ['4', ..] => "visa",
        ['5', >= '1' and <= '5', ..] => "mastercard",
        ['2', >= '2' and <= '7', ..] => "mastercard",
        ['3', '4' or '7', ..] => "amex",
        ['6', '0', '1', '1', ..] or ['6', '5', ..] => "discover",
        _ => "unknown",
    };

    /// <summary>What the test cards stand for; every other number is accepted.</summary>
    public CardBehaviour Behaviour => _digits switch
    {
        "4000000000000002" => CardBehaviour.Decline,
        "4000000000009995" => CardBehaviour.InsufficientFunds,
        "4000000000000119" => CardBehaviour.TryAgainTwice,
        _ => CardBehaviour.Accept,
    };

    /// <returns>Null unless it has 12 to 19 digits, with spaces or dashes between them, and passes the Luhn check.</returns>
    public static CardNumber? Parse(string text)
    {
        var digits = text.Replace(" ", "").Replace("-", "");
        return digits.Length is >= 12 and <= 19 && digits.All(char.IsAsciiDigit) && PassesLuhn(digits) ? new CardNumber(digits) : null;
    }

    private static bool PassesLuhn(string digits)
    {
        var sum = 0;
        for (var i = 0; i < digits.Length; i++)
        {
            var digit = digits[^(i + 1)] - '0';
            if (i % 2 == 1)
                digit = digit * 2 > 9 ? (digit * 2) - 9 : digit * 2;
            sum += digit;
        }

        return sum % 10 == 0;
    }
}
