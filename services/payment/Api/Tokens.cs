using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using ShopMesh.Payment.Data;

namespace ShopMesh.Payment.Api;

internal static class Tokens
{
    public static void MapTokens(this WebApplication app) => app.MapPost("/api/payments/tokens", Create)
        .RequireAuthorization(Policies.Customer)
        .WithTags("Payments")
        .WithSummary("Swaps a card for a token, which is its owner's, for many orders");

    private static async Task<Created<TokenResponse>> Create(CardRequest card, ClaimsPrincipal user, PaymentContext context, TimeProvider time, CancellationToken cancellationToken)
    {
        var number = CardNumber.Parse(card.Number)!.Value;
        // Good to the end of its month.
        var expiresOn = DateOnly.ParseExact($"01/{card.Expiry}", "dd/MM/yy", TwentyFirstCentury).AddMonths(1).AddDays(-1);
        var now = time.GetUtcMicroseconds();
        if (expiresOn < DateOnly.FromDateTime(now.UtcDateTime))
            throw new InvalidFieldException("expiry", "is in the past");

        var token = new PaymentToken
        {
            Token = PaymentToken.NewToken(),
            CustomerId = user.CustomerId(),
            Brand = number.Brand,
            Last4 = number.Last4,
            ExpiresOn = expiresOn,
            Behaviour = number.Behaviour,
            CreatedAt = now,
        };
        context.Add(token);
        await context.SaveChangesAsync(cancellationToken);
        return TypedResults.Created((string?)null, new TokenResponse(token.Token, token.Brand, token.Last4, card.Expiry));
    }

    private static CultureInfo TwentyFirstCentury { get; } = new("") { DateTimeFormat = { Calendar = new GregorianCalendar { TwoDigitYearMax = 2099 } } };
}
