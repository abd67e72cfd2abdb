using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Payment.Data;

namespace ShopMesh.Payment.Api;

internal static class PaymentAdministration
{
    public static void MapPaymentAdministration(this WebApplication app) => app.MapGet("/api/admin/payments", List)
        .RequireAuthorization(Policies.Admin)
        .WithTags("Administration")
        .WithSummary("Lists every order's payment, by the time of its last change");

    private static async Task<Ok<Page<AdminPaymentResponse>>> List(
        PaymentContext context, CancellationToken cancellationToken, DateTimeOffset? updatedSince = null, [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit, string? cursor = null)
    {
        var payments = context.Payments.AsNoTracking();
        if (updatedSince?.ToUniversalTime() is { } since)
            payments = payments.Where(payment => payment.UpdatedAt >= since);
        if (Cursor.DecodeTimeAndKey(cursor) is var (at, order))
            payments = payments.Where(payment => EF.Functions.GreaterThan(ValueTuple.Create(payment.UpdatedAt, payment.OrderId), ValueTuple.Create(at, order)));
        var found = await payments.OrderBy(payment => payment.UpdatedAt).ThenBy(payment => payment.OrderId).Take(limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(Page.Of(found, limit, AdminPaymentResponse.From, payment => Cursor.Encode(payment.UpdatedAt, payment.OrderId)));
    }
}
